// An endpoint for webhooks as a customer would write it with Node: HTTPS with required client certificates, every event that is
// answered with 200 is noted in a file before. It fails 20 % of the requests, leaves 1 % without an answer and cuts 1 % off.
// Usage: node webhook.mjs PORT CERT KEY CA FILE
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:https";

const [port, cert, key, ca, file] = process.argv.slice(2);
const server = createServer(
  { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca), requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" },
  (req, res) => {
    const parts = [];
    req.on("data", (part) => parts.push(part));
    req.on("end", () => {
      const dice = Math.random();
      if (dice < 0.2) {
        res.writeHead(500).end("on purpose");
        return;
      }
      if (dice < 0.21) return; // no answer
      if (dice < 0.22) {
        req.socket.destroy();
        return;
      }
      const event = JSON.parse(Buffer.concat(parts).toString());
      const known = event.name === "com.asapp.event.journey" && event.api_version.startsWith("v1.") && req.headers["webhook-id"] === event.event_id;
      if (!known || !req.socket.authorized || req.socket.getPeerCertificate().subject.CN !== "trunkline") {
        res.writeHead(400).end("not what was agreed");
        return;
      }
      appendFileSync(file, `${event.event_id} ${event.meta_data.issue_id} ${event.event_type} ${event.details?.last_assignment_summary_text}\n`);
      res.writeHead(200).end();
    });
  },
);
server.listen(Number(port), "127.0.0.1", () => console.log("listening"));

// The test page of the stream feed in a real browser: subscribe, see events come, unsubscribe, subscribe again.
//
//   STREAM_TOKEN=… node streampage.mjs http://127.0.0.1:8090 TENANT CHROMIUM
import { chromium } from 'playwright-core';

const [base, tenant, executablePath] = process.argv.slice(2);
const token = process.env.STREAM_TOKEN;
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  const complaints = [], urls = [];
  page.on('console', m => { if (m.type() === 'error') complaints.push(m.text()); });
  page.on('pageerror', e => complaints.push(String(e)));
  page.on('request', r => urls.push(r.url()));
  page.on('websocket', s => urls.push(s.url()));
  await page.goto(base + '/api/streaming/v1/TenantUpdates.jsp');
  await page.getByLabel('Subscription ID').fill('the page');
  await page.getByLabel('Tenant ID').fill(tenant);
  const options = await page.getByLabel('Desired Output Type').locator('option').allTextContents();
  if (options.join() !== 'JSON,XML,NEWLINE_JSON,NEWLINE_XML') throw new Error('output types: ' + options);
  await page.getByLabel('Desired Output Type').selectOption('XML');
  await page.getByLabel('Token').fill(token);
  const status = page.getByRole('status');
  const count = () => page.locator('#count').textContent().then(Number);
  const until = async (what, ok) => {
    for (const end = Date.now() + 60_000; !(await ok());) {
      if (Date.now() > end) throw new Error('never: ' + what + '; the page says ' + await status.textContent());
      await page.waitForTimeout(50);
    }
  };
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await until('events', async () => await count() >= 5);
  const first = await page.locator('#events div').first().textContent();
  if (!/^<[A-Za-z]+>.*<\/[A-Za-z]+>$/s.test(first)) throw new Error('an event: ' + first);
  await page.getByRole('button', { name: 'Unsubscribe' }).click();
  await until('unsubscribed', async () => (await status.textContent()).startsWith('Not subscribed'));
  const before = await count();
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await until('events again', async () => await count() > before);
  await page.getByRole('button', { name: 'Unsubscribe' }).click();
  await until('unsubscribed', async () => (await status.textContent()).startsWith('Not subscribed'));
  await page.getByLabel('Token').fill('wrong');
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await until('refused', async () => (await status.textContent()).includes('401'));
  if (urls.some(u => u.includes(token))) throw new Error('the token stands in a URL');
  const other = complaints.filter(c => !c.includes('401'));
  if (other.length) throw new Error('the browser complains: ' + other.join('; '));
  console.log('ok');
} finally {
  await browser.close();
}

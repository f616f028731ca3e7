#!/bin/sh
# Downloads the partitions of one feed and day, each once it is complete.
#
#   download.sh BUCKET[/FOLDER] FEED YYYY-MM-DD DIRECTORY
#
# It needs the AWS command line with credentials that may read the bucket. ENDPOINT
# names a store that is not AWS, VERSION and FORMAT other ones than 1 and jsonl. It may
# be run again at any time: what is there is not downloaded again, and partitions that
# are not complete yet are left for the next time.
set -eu

if [ $# -ne 4 ]; then
  echo "usage: download.sh BUCKET[/FOLDER] FEED YYYY-MM-DD DIRECTORY" >&2
  exit 2
fi
place=$1 feed=$2 day=$3 into=$4
bucket=${place%%/*}
folder=${place#"$bucket"}
folder=${folder#/}
prefix=${folder:+$folder/}$feed/version=${VERSION:-1}/format=${FORMAT:-jsonl}/dt=$day/

s3() {
  if [ -n "${ENDPOINT:-}" ]; then aws --endpoint-url "$ENDPOINT" "$@"; else aws "$@"; fi
}

# The flags of complete partitions, and nothing else, say what may be taken. They are
# asked for on their own, so that a failure ends the script.
keys=$(s3 s3api list-objects-v2 --bucket "$bucket" --prefix "$prefix" --query 'Contents[].[Key]' --output text)
printf '%s\n' "$keys" | sed -n 's|/_SUCCESS$||p' |
  while IFS= read -r partition; do
    to=$into/$feed/dt=${partition#*"/dt="}
    [ -e "$to/_SUCCESS" ] && continue
    rm -rf "$to.part"
    mkdir -p "$to.part"
    s3 s3 cp --recursive --only-show-errors --exclude '*' --include "$feed.*" "s3://$bucket/$partition/" "$to.part/" </dev/null
    : >"$to.part/_SUCCESS"
    mkdir -p "$(dirname "$to")"
    mv "$to.part" "$to"
    echo "$to"
  done

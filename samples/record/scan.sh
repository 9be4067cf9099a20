#!/usr/bin/env bash
# Records a real nmap scan of a real nginx as text: samples/recorded/port_scan.ndjson and web_scan.ndjson.
#
#   sudo samples/record/scan.sh        needs root, iproute2, nmap, nginx, tcpdump and a prepared .venv
#
# Attacker and victim are two network namespaces joined by a cable; nothing leaves them, and all of it is taken down.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
out=samples/recorded
mkdir -p "$out"
clean() {
  kill "$(cat "$work/nginx.pid" 2>/dev/null)" "$(cat "$work/tcpdump.pid" 2>/dev/null)" 2>/dev/null || true
  ip netns del jk-attacker 2>/dev/null || true
  ip netns del jk-victim 2>/dev/null || true
  rm -rf "$work"
}
trap clean EXIT

ip netns add jk-attacker
ip netns add jk-victim
ip link add jk-a netns jk-attacker type veth peer name jk-v netns jk-victim
ip -n jk-attacker addr add 203.0.113.9/24 dev jk-a
ip -n jk-victim addr add 192.0.2.10/24 dev jk-v
for place in attacker:jk-a victim:jk-v; do
  ip -n "jk-${place%%:*}" link set lo up
  ip -n "jk-${place%%:*}" link set "${place##*:}" up
done
ip -n jk-attacker route add 192.0.2.0/24 dev jk-a
ip -n jk-victim route add 203.0.113.0/24 dev jk-v

mkdir -p "$work/www"
echo '<title>example</title>' >"$work/www/index.html"
cat >"$work/nginx.conf" <<CONF
pid $work/nginx.pid;
error_log $work/error.log;
events {}
http {
  log_format sigma escape=json '{"@timestamp":"\$time_iso8601","logsource":{"category":"webserver","service":"nginx"},'
    '"Hostname":"web-1","c-ip":"\$remote_addr","cs-method":"\$request_method","cs-uri-stem":"\$uri",'
    '"cs-uri-query":"\$args","sc-status":\$status,"cs-user-agent":"\$http_user_agent","cs-host":"\$host"}';
  access_log $work/access.ndjson sigma;
  client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;
  uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
  server { listen 192.0.2.10:80; root $work/www; }
}
CONF
chmod 755 "$work" "$work/www"
ip netns exec jk-victim nginx -c "$work/nginx.conf"
ip netns exec jk-victim tcpdump -U -i jk-v -w "$work/scan.pcap" 2>/dev/null &
echo $! >"$work/tcpdump.pid"
sleep 1
ip netns exec jk-attacker timeout 120 nmap -n -Pn -sS -F --max-retries 1 192.0.2.10 >/dev/null
ip netns exec jk-attacker timeout 120 nmap -n -Pn -p 80 -sV --script http-enum,http-headers,http-methods 192.0.2.10 >/dev/null
sleep 1
kill "$(cat "$work/tcpdump.pid")"
sleep 1

.venv/bin/python samples/record/flows_of_capture.py "$work/scan.pcap" web-1 >"$out/port_scan.ndjson"
head -n 400 "$work/access.ndjson" >"$out/web_scan.ndjson"
wc -lc "$out"/*.ndjson

"""Lines as real programs write them, made up here; addresses and names of documentation only."""

AUDIT = [
    "type=SYSCALL msg=audit(1795341600.123:456): arch=c000003e syscall=59 success=yes exit=0 a0=5581 a1=5582 a2=5583 a3=8 items=2"
    ' ppid=1000 pid=1001 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm="wget"'
    ' exe="/usr/bin/wget" subj=unconfined key="net"\x1dARCH=x86_64 SYSCALL=execve AUID="kim" UID="root"',
    'type=EXECVE msg=audit(1795341600.123:456): argc=3 a0="wget" a1="--post-file=/etc/passwd" a2=2F746D702F612062',
    'type=CWD msg=audit(1795341600.123:456): cwd="/root"',
    'type=PATH msg=audit(1795341600.123:456): item=0 name="/usr/bin/wget" inode=1 dev=08:01 mode=0100755 ouid=0 ogid=0'
    " rdev=00:00 nametype=NORMAL cap_fp=0",
    "type=PROCTITLE msg=audit(1795341600.123:456): proctitle=77676574002D2D706F7374",
    "type=SERVICE_STOP msg=audit(1795341601.123:457): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=firewalld"
    ' comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success\'',
    "type=SYSCALL msg=audit(1795341602.001:458): arch=c00000b7 syscall=203 success=no exit=-115 a0=3 ppid=1 pid=9 uid=33"
    ' comm="bash" exe="/usr/bin/bash" key=(null)',
    "type=SOCKADDR msg=audit(1795341602.001:458): saddr=02000050C00002050000000000000000",
    "type=EOE msg=audit(1795341602.001:458): ",
    'node=web1 type=USER_LOGIN msg=audit(1795341603.001:459): pid=2 uid=0 auid=1000 ses=1 msg=\'op=login acct="kim"'
    ' exe="/usr/sbin/sshd" hostname=198.51.100.9 addr=198.51.100.9 terminal=ssh res=failed\'',
]
SYSTEM = [
    "Nov 22 10:00:00 web1 sshd[812]: Failed password for invalid user admin from 192.0.2.5 port 4022 ssh2",
    "Nov 22 10:00:01 web1 sshd[812]: Accepted publickey for kim from 2001:db8::5 port 4022 ssh2: RSA SHA256:x",
    'Nov 22 10:00:02 web1 sudo:      kim : TTY=pts/0 ; PWD=/home/kim ; USER=#-1 ; COMMAND=/bin/sh -c "a ; b=c"',
    "Nov  2 10:00:03 web1 CRON[1]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
    "2026-11-22T10:00:00.123456+09:00 web1 systemd[1]: Stopping firewalld...",
    "Nov 22 10:00:04 web1 kernel: [ 12.456] [UFW BLOCK] IN=eth0 OUT= MAC=00 SRC=192.0.2.9 DST=192.0.2.1 LEN=40 TTL=52"
    " PROTO=TCP SPT=40000 DPT=8080 WINDOW=0",
    "Nov 22 10:00:05 web1 dnsmasq[123]: query[TXT] evil.example.com from 192.0.2.5",
    "Nov 22 10:00:06 web1 su[9]: (to root) kim on pts/1",
    '<38>Nov 22 10:00:07 web1 sysmon: <Event><System><Provider Name="Linux-Sysmon" Guid="{ff}"/><EventID>1</EventID>'
    '<TimeCreated SystemTime="2026-11-22T10:00:00.000000000Z"/><Channel>Linux-Sysmon/Operational</Channel>'
    '<Computer>web1</Computer></System><EventData><Data Name="Image">/usr/bin/wget</Data>'
    '<Data Name="CommandLine">wget &quot;x&quot;</Data></EventData></Event>',
]
ACCESS = [
    '192.0.2.5 - - [22/Nov/2026:10:00:00 +0900] "GET /index.php?a=b%20c HTTP/1.1" 200 512 "https://example.com/" "Mozilla/5.0"',
    'www.example.com:443 192.0.2.5 - kim [22/Nov/2026:10:00:00 +0000] "POST /a HTTP/1.1" 404 -',
    '192.0.2.5 - - [22/Nov/2026:10:00:00 +0900] "\\x16\\x03\\x01" 400 226 "-" "-"',
    '2001:db8::5 - - [22/Nov/2026:10:00:00 +0900] "GET / HTTP/2.0" 304 0 "-" "say \\"hello\\"" "0.001"',
]
ERRORS = [
    "[Sun Nov 22 10:00:00.123456 2026] [core:notice] [pid 1:tid 2] AH00052: child pid 9 exit signal Segmentation fault (11)",
    "2026/11/22 10:00:00 [alert] 1#1: worker process 2 exited on signal 6 (core dumped)",
    '[Sun Nov 22 10:00:01 2026] [error] [client 192.0.2.5] ModSecurity: Warning. Pattern match at ARGS. [id "942100"]',
]
W3C = [
    "#Software: Microsoft Internet Information Services 10.0",
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status"
    " sc-substatus sc-win32-status time-taken",
    "2026-11-22 10:00:00 192.0.2.1 POST /ecp/x.js a=b 443 - 192.0.2.9 Mozilla/5.0+(X11;+Linux) - 200 0 0 46",
    "#Fields: date time time-taken c-ip cs-username s-action sc-status cs-method cs-uri-scheme cs-host cs-uri-port"
    " cs-uri-path cs-uri-query cs-uri-extension cs(User-Agent) r-ip",
    '2026-11-22 10:00:00 5 192.0.2.9 kim TCP_MISS 200 GET http example.com 80 /a.exe ?x=1 exe "Mozilla/4.0 (compatible)" 203.0.113.5',
]
SQUID = [
    "1795341600.890    120 192.0.2.5 TCP_MISS/200 4512 GET http://example.com/d/a.exe?x=1 kim HIER_DIRECT/203.0.113.5 text/html",
    '1795341601.890    120 192.0.2.5 TCP_TUNNEL/200 4512 CONNECT example.com:443 - HIER_DIRECT/203.0.113.5 - "curl/8"',
]
DNS = [
    "22-Nov-2026 10:00:00.123 queries: info: client @0x7f 192.0.2.5#5353 (example.com): query: example.com IN A +E(0)K (192.0.2.1)",
    "[1795341600] unbound[1234:0] info: 192.0.2.5 example.com. TXT IN NOERROR 0.0 0 45",
    "11/22/2026 10:00:00 AM 0E6C PACKET  000001D7F6A5D5B0 UDP Rcv 192.0.2.5       0002   Q [0001   D   NOERROR] A"
    "      (7)example(3)com(0)",
]
ZEEK = [
    "#separator \\x09",
    "#set_separator\t,",
    "#empty_field\t(empty)",
    "#unset_field\t-",
    "#path\tdns",
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tquery\trejected\tanswers",
    "#types\ttime\tstring\taddr\tport\tstring\tbool\tvector[string]",
    "1795341600.123456\tC1\t192.0.2.5\t5353\texample.com\tF\t203.0.113.1,203.0.113.2",
]
PAGES = [
    "Laser_2F kim 123 [22/Nov/2026:10:00:00 +0900] total 5 - 192.0.2.5 plans for 2027.pdf A4 one-sided",
    "Laser_2F kim 124 [22/Nov/2026:10:00:00 +0900] 1 2 - localhost drawing - -",
]
DAEMONS = [
    'Sun Nov 22 10:00:00 2026 [pid 2] [kim] FAIL LOGIN: Client "::ffff:192.0.2.5"',
    "Sun Nov 22 10:00:01 2026 -> /srv/up/a b.php: Php.Webshell.X-1 FOUND",
]
DATABASE = [
    "2026-11-22 10:00:00.123 UTC [123] kim@plans LOG:  statement: select * from drawings",
    "2026-11-22T10:00:00.123456Z\t   12 Query\tdrop table drawings",
]

EXAMPLES = {
    "Linux audit log": AUDIT,
    "system log": SYSTEM,
    "access log": ACCESS,
    "web server error log": ERRORS,
    "W3C extended log": W3C,
    "Squid access log": SQUID,
    "DNS query log": DNS,
    "Zeek log": ZEEK,
    "CUPS page log": PAGES,
    "vsftpd or ClamAV log": DAEMONS,
    "database log": DATABASE,
}
"""By the name of the format (collectors.logs.telling)."""

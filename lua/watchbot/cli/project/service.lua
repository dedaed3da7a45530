--- cli.project.service: the systemd unit of a new project. From [Service]'s KillMode on it is that
-- of the packages, watchbot@.service; here the policy is in the project's own folder.

local text = [==[
# The watcher of @NAME@ on one machine. To install it, as root, in this folder:
#   id watchbot || useradd --system --home-dir /var/lib/watchbot --shell /usr/sbin/nologin watchbot
#   mkdir -p /opt/@NAME@ && cp -r . /opt/@NAME@ && cp @NAME@.service /etc/systemd/system/
#   systemctl daemon-reload && systemctl enable --now @NAME@
# The queue is /var/lib/watchbot/@NAME@/jobs.db, unless /etc/watchbot/@NAME@.env says QueueUrl=URL.
[Unit]
Description=watchbot, watcher of @NAME@
Documentation=man:watchbot(1) man:watchbot-policy(5)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
# systemd finds the program in /usr/local/bin and /usr/bin.
ExecStart=watchbot run policy.lua
ExecReload=/bin/kill -HUP $MAINPID
Environment=QueueUrl=sqlite:/var/lib/watchbot/@NAME@/jobs.db
EnvironmentFile=-/etc/watchbot/@NAME@.env
User=watchbot
StateDirectory=watchbot/@NAME@
WorkingDirectory=/opt/@NAME@

# SIGTERM is for watchbot alone, which lets its tasks finish, and asks for more time meanwhile.
KillMode=mixed
TimeoutStopSec=1min
WatchdogSec=30
Restart=always
RestartSec=2
RestartPreventExitStatus=2
# A task that uses too much memory is that task's failure.
OOMPolicy=continue

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
UMask=0027

[Install]
WantedBy=multi-user.target
]==]

local readme = [==[

On one machine, under systemd: `@NAME@.service`, which says how to install it.
]==]

return {
  path = "@NAME@.service", text = text,
  --- What the project's README has about it.
  readme = readme,
}

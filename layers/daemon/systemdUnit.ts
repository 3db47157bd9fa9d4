/** systemd units: a hardened one for the system, and one for a user (systemd.service(5), systemd.exec(5)). */
import type { Argv, Daemon, DaemonOptions, DaemonState } from "./Daemon.ts"

export const unitName = "manifold.service"

/** In a unit, `%` begins a specifier, and `"` and `\` have a meaning inside quotes. */
const quoted = (text: string) =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("%", "%%")}"`

const quotedIfNeeded = (text: string) => (/^[\w@:=+,./-]+$/.test(text) ? text : quoted(text))

/** In arguments `$` begins a variable, but not in the path of the program. */
const argument = (text: string) => quotedIfNeeded(text).replaceAll("$", "$$$$")

const variable = (name: string, value: string) => `Environment=${quoted(`${name}=${value}`)}`

const commandLine = ({ launch }: DaemonOptions) =>
  [quotedIfNeeded(launch.command), ...[...launch.args, "serve", "--http"].map(argument)].join(" ")

/** Restarts a service that ended with an error, after a pause long enough that systemd never gives up. */
const lifecycle = [
  "Restart=on-failure",
  "RestartSec=5",
  "# Only the service itself gets SIGTERM: it ends the servers that it has started when their calls have finished.",
  "KillMode=mixed",
  "# One such server that runs out of memory does not end the service.",
  "OOMPolicy=continue",
  "LimitNOFILE=65536",
  "UMask=0077"
]

/** Restrictions that need no privileges, so that the manager of a user can apply them too. */
const restrictions = [
  "NoNewPrivileges=yes",
  "LockPersonality=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "SystemCallArchitectures=native",
  "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK"
]

/** Restrictions of the system's unit. MemoryDenyWriteExecute is not among them: it would forbid the JIT compiler. */
const confinement = [
  "DynamicUser=yes",
  "StateDirectory=manifold",
  "StateDirectoryMode=0700",
  "CapabilityBoundingSet=",
  "ProtectSystem=strict",
  "ProtectHome=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "ProtectClock=yes",
  "ProtectControlGroups=yes",
  "ProtectHostname=yes",
  "ProtectKernelLogs=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "ProtectProc=invisible",
  "RemoveIPC=yes",
  "RestrictNamespaces=yes",
  "SystemCallFilter=@system-service",
  "SystemCallFilter=~@privileged",
  "SystemCallErrorNumber=EPERM"
]

const systemUnit = (options: DaemonOptions) => [
  "# Written by `manifold service install`. Put changes into a drop-in: systemctl edit manifold",
  "[Unit]",
  "Description=manifold, an MCP server and gateway",
  "After=network-online.target",
  "Wants=network-online.target",
  "",
  "[Service]",
  "Type=exec",
  `ExecStart=${commandLine(options)}`,
  "ExecReload=/bin/kill -HUP $MAINPID",
  options.config === undefined
    ? "# The configuration is /etc/manifold/manifold.yaml, if it exists.\nEnvironment=XDG_CONFIG_HOME=/etc"
    : variable("MCP_CONFIG_PATH", options.config),
  "Environment=MANIFOLD_STORAGE_DIR=%S/manifold HOME=%S/manifold",
  "# Secrets, as NAME=value lines that only root can read.",
  "EnvironmentFile=-/etc/manifold/environment",
  ...lifecycle,
  ...confinement,
  ...restrictions,
  "",
  "[Install]",
  "WantedBy=multi-user.target",
  ""
]

const userUnit = (options: DaemonOptions) => [
  "# Written by `manifold service install --user`. Put changes into a drop-in: systemctl --user edit manifold",
  "[Unit]",
  "Description=manifold, an MCP server and gateway",
  "",
  "[Service]",
  "Type=exec",
  `ExecStart=${commandLine(options)}`,
  "ExecReload=/bin/kill -HUP $MAINPID",
  ...(options.config === undefined ? [] : [variable("MCP_CONFIG_PATH", options.config)]),
  ...(options.path === undefined ? [] : [variable("PATH", options.path)]),
  ...lifecycle,
  ...restrictions,
  "",
  "[Install]",
  "WantedBy=default.target",
  ""
]

const states: Readonly<Record<string, DaemonState>> = {
  active: "active",
  activating: "active",
  reloading: "active",
  inactive: "inactive",
  deactivating: "inactive",
  failed: "failed"
}

const configLine = /^Environment="MCP_CONFIG_PATH=(.*)"$/m

/** The configuration file that a unit names; undefined for the one in the usual place. */
export const configOf = (unit: string): string | undefined =>
  configLine
    .exec(unit)?.[1]
    ?.replaceAll(/\\(["\\])/g, "$1")
    .replaceAll("%%", "%")

/** The unit has no `User=`, so the user that systemd makes for it has the name of the unit. */
const runAs =
  ({ config }: DaemonOptions) =>
  (command: Argv): Argv => [
    "systemd-run",
    // A terminal if there is one, otherwise pipes.
    "--pty",
    "--pipe",
    "--wait",
    "--quiet",
    "--collect",
    "--service-type=exec",
    "--property=User=manifold",
    "--property=DynamicUser=yes",
    "--property=StateDirectory=manifold",
    "--property=EnvironmentFile=-/etc/manifold/environment",
    ...(config === undefined ? ["--setenv=XDG_CONFIG_HOME=/etc"] : [`--setenv=MCP_CONFIG_PATH=${config}`]),
    "--setenv=MANIFOLD_STORAGE_DIR=/var/lib/manifold",
    "--setenv=HOME=/var/lib/manifold",
    "--",
    ...command
  ]

/** `folder`: where the unit is stored. `user`: a unit of the user's manager. */
export const systemdUnit = (
  options: DaemonOptions,
  { folder, user, state }: { readonly folder: string; readonly user: boolean; readonly state: string }
): Daemon => {
  const systemctl = user ? (["systemctl", "--user"] as const) : (["systemctl"] as const)
  return {
    manager: "systemd",
    file: `${folder}/${unitName}`,
    text: (user ? userUnit : systemUnit)(options).join("\n"),
    probe: [...systemctl, "show-environment"],
    start: [
      { argv: [...systemctl, "daemon-reload"] },
      { argv: [...systemctl, "enable", unitName] },
      { argv: [...systemctl, "restart", unitName] }
    ],
    stop: [{ argv: [...systemctl, "disable", "--now", unitName], optional: true }],
    cleanUp: [{ argv: [...systemctl, "daemon-reload"] }],
    runAs: user ? undefined : runAs(options),
    query: [...systemctl, "is-active", unitName],
    readState: (stdout) => states[stdout.trim()] ?? "unknown",
    log: user ? "journalctl --user -u manifold" : "journalctl -u manifold",
    kept: [user ? `${folder}/${unitName}.d` : "/etc/manifold", state]
  }
}

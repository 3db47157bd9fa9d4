/** A launchd agent: a property list that starts the service when its user logs in (launchd.plist(5)). */
import type { Daemon, DaemonOptions } from "./Daemon.ts"
import { escaped } from "../http/htmlPage.ts"

export const label = "manifold"

const string = (text: string) => `<string>${escaped(text)}</string>`

const strings = (items: ReadonlyArray<string>) =>
  ["<array>", ...items.map((item) => `    ${string(item)}`), "  </array>"].join("\n")

const dictionary = (entries: Readonly<Record<string, string>>) =>
  [
    "<dict>",
    ...Object.entries(entries).map(([key, value]) => `    <key>${escaped(key)}</key>\n    ${string(value)}`),
    "  </dict>"
  ].join("\n")

/** Values are XML. `ThrottleInterval` and `ExitTimeOut` are in seconds, `Umask` is decimal (0077). */
const entriesOf = ({ config, launch, path }: DaemonOptions, logFile: string) => ({
  Label: string(label),
  ProgramArguments: strings([
    launch.command,
    ...launch.args,
    "serve",
    "--http",
    "--log-file",
    `${logFile}.log`
  ]),
  EnvironmentVariables: dictionary({
    ...(config !== undefined && { MCP_CONFIG_PATH: config }),
    ...(path !== undefined && { PATH: path })
  }),
  RunAtLoad: "<true/>",
  KeepAlive: "<dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  </dict>",
  ThrottleInterval: "<integer>10</integer>",
  ExitTimeOut: "<integer>30</integer>",
  Umask: "<integer>63</integer>",
  ProcessType: string("Adaptive"),
  StandardErrorPath: string(`${logFile}.error.log`)
})

const plist = (options: DaemonOptions, logFile: string) =>
  [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    "<!-- Written by `manifold service install`. -->",
    '<plist version="1.0">',
    "<dict>",
    ...Object.entries(entriesOf(options, logFile)).map(([key, value]) => `  <key>${key}</key>\n  ${value}`),
    "</dict>",
    "</plist>",
    ""
  ].join("\n")

/** `uid`: the user whose login starts the service. Standard output is dropped: launchd does not rotate the files it writes. */
export const launchdAgent = (
  options: DaemonOptions,
  { home, uid, state }: { readonly home: string; readonly uid: number; readonly state: string }
): Daemon => {
  const file = `${home}/Library/LaunchAgents/${label}.plist`
  const logFile = `${home}/Library/Logs/${label}`
  const target = `gui/${uid}`
  return {
    manager: "launchd",
    file,
    text: plist(options, logFile),
    probe: undefined,
    start: [
      { argv: ["launchctl", "bootout", `${target}/${label}`], optional: true },
      { argv: ["launchctl", "bootstrap", target, file] }
    ],
    stop: [{ argv: ["launchctl", "bootout", `${target}/${label}`], optional: true }],
    cleanUp: [],
    runAs: undefined,
    query: ["launchctl", "print", `${target}/${label}`],
    readState: (stdout) => {
      const [, found] = /^\s*state = (.+)$/m.exec(stdout) ?? []
      if (found === undefined) return "inactive"
      if (found.trim() === "running") return "active"
      return /^\s*last exit code = (?!0\b|\(never)/m.test(stdout) ? "failed" : "inactive"
    },
    log: `${logFile}.log`,
    kept: [`${logFile}.log`, state]
  }
}

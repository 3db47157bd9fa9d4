/**
 * A Windows scheduled task. The program does not speak the protocol of the Service Control Manager, so `sc.exe create`
 * could not start it; Task Scheduler starts it at boot or at logon, and restarts it when it fails.
 */
import type { Daemon, DaemonOptions, DaemonState } from "./Daemon.ts"
import { escaped } from "../http/htmlPage.ts"

export const taskName = "manifold"

/** The account LocalService, which has few rights and exists on every Windows. */
const localService = "S-1-5-19"

/** One argument as `CommandLineToArgvW` reads it. */
const argument = (text: string) =>
  text !== "" && !/[\s"]/.test(text)
    ? text
    : `"${text.replaceAll(/(\\*)"/g, String.raw`$1$1\"`).replaceAll(/(\\+)$/g, "$1$1")}"`

const principal = (user: string | undefined) =>
  user === undefined
    ? `<UserId>${localService}</UserId>`
    : `<UserId>${escaped(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>`

const trigger = (user: string | undefined) =>
  user === undefined
    ? "<BootTrigger><Enabled>true</Enabled></BootTrigger>"
    : `<LogonTrigger><Enabled>true</Enabled><UserId>${escaped(user)}</UserId></LogonTrigger>`

/** An unlimited run time (`PT0S`), also on battery; a failed run is repeated each minute. */
const task = ({ config, launch }: DaemonOptions, user: string | undefined, logFile: string) => {
  const args = [
    ...launch.args,
    "serve",
    "--http",
    "--log-file",
    logFile,
    ...(config === undefined ? [] : ["--config", config])
  ]
  return `<?xml version="1.0"?>
<!-- Written by \`manifold service install\`. -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>manifold, an MCP server and gateway</Description>
  </RegistrationInfo>
  <Triggers>
    ${trigger(user)}
  </Triggers>
  <Principals>
    <Principal id="Author">
      ${principal(user)}
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>255</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${escaped(launch.command)}</Command>
      <Arguments>${escaped(args.map(argument).join(" "))}</Arguments>
    </Exec>
  </Actions>
</Task>
`
}

const states: Readonly<Record<string, DaemonState>> = {
  Running: "active",
  Queued: "active",
  Ready: "inactive",
  Disabled: "inactive"
}

/** `folder`: for the definition and the log. `user`: `DOMAIN\name`, or undefined for a task of the system. */
export const scheduledTask = (
  options: DaemonOptions,
  {
    folder,
    state,
    user
  }: { readonly folder: string; readonly user: string | undefined; readonly state: string }
): Daemon => {
  const file = `${folder}\\manifold-task.xml`
  const logFile = `${folder}\\manifold.log`
  return {
    manager: "Task Scheduler",
    file,
    text: task(options, user, logFile),
    probe: undefined,
    start: [
      { argv: ["schtasks", "/End", "/TN", taskName], optional: true },
      { argv: ["schtasks", "/Create", "/TN", taskName, "/XML", file, "/F"] },
      { argv: ["schtasks", "/Run", "/TN", taskName] }
    ],
    stop: [
      { argv: ["schtasks", "/End", "/TN", taskName], optional: true },
      { argv: ["schtasks", "/Delete", "/TN", taskName, "/F"], optional: true }
    ],
    cleanUp: [],
    runAs: undefined,
    // The output of schtasks is translated; this name of the state is not.
    query: ["powershell", "-NoProfile", "-Command", `(Get-ScheduledTask -TaskName ${taskName}).State`],
    readState: (stdout) => states[stdout.trim()] ?? "unknown",
    log: logFile,
    kept: [logFile, state]
  }
}

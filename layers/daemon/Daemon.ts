/** Types of a system service: the file that defines it, and the commands of the platform's service manager. */
import type { Launch } from "../platform/Machine.ts"

/** A program and its arguments. */
export type Argv = readonly [program: string, ...args: ReadonlyArray<string>]

/** Facts about the machine and the user from which a service is defined. */
export interface DaemonOptions {
  /** The command that starts this program; `serve --http` is added. */
  readonly launch: Launch
  /** Absolute path of a configuration file; undefined for the file in the usual place. */
  readonly config: string | undefined
  /** Search path for programs that the service starts, such as `npx`; only for a service of the user. */
  readonly path: string | undefined
}

/** `active`: running or starting. `failed`: it ended with an error. `unknown`: the manager gave another answer. */
export type DaemonState = "active" | "inactive" | "failed" | "unknown"

/** How this platform defines and controls the service. */
export interface Daemon {
  readonly manager: "systemd" | "launchd" | "Task Scheduler"
  /** Absolute path of the file that defines the service. */
  readonly file: string
  readonly text: string
  /** Succeeds if the manager can be used; prints the reason otherwise. */
  readonly probe: Argv | undefined
  /** Run after the file is written: register the service, and start it or restart it. */
  readonly start: ReadonlyArray<DaemonCommand>
  /** Run before the file is removed: stop the service, and unregister it. */
  readonly stop: ReadonlyArray<DaemonCommand>
  /** Run after the file is removed. */
  readonly cleanUp: ReadonlyArray<DaemonCommand>
  /**
   * Runs another command as the service of the system: with its user, state, configuration and secrets. Undefined where the
   * service runs as a user who can run the command directly.
   */
  readonly runAs: ((command: Argv) => Argv) | undefined
  /** Prints the state. */
  readonly query: Argv
  readonly readState: (stdout: string) => DaemonState
  /** Where the log is, as a command or a file. */
  readonly log: string
  /** Folders and files that remain after removal. */
  readonly kept: ReadonlyArray<string>
}

export interface DaemonCommand {
  readonly argv: Argv
  /** It may fail, because what it undoes may not exist. */
  readonly optional?: boolean
}

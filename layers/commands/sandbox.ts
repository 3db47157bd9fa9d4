/** Argument vectors that run a command with limits: bubblewrap, prlimit and setpriv, as far as the machine has them. */
import type { CommandSettings } from "./section.ts"

/** What works on this machine. */
export interface Confinement {
  /** bubblewrap can make a sandbox. */
  readonly bwrap: boolean
  readonly prlimit: boolean
  readonly setpriv: boolean
  /** Whether this process is root, whose processes the kernel does not count. */
  readonly isRoot: boolean
  /** Folders of the system that exist. */
  readonly folders: ReadonlyArray<string>
}

type Argv = readonly [string, ...ReadonlyArray<string>]

export const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/** The user and group `nobody`. */
const nobody = "65534"

/** Folders of programs and libraries. `/etc` is not among them: it has secrets. */
export const systemFolders = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]

/** Files that programs need, and that all users can read. */
const systemFiles = [
  "/etc/alternatives",
  "/etc/ld.so.cache",
  "/etc/localtime",
  "/etc/nsswitch.conf",
  "/etc/passwd",
  "/etc/group",
  "/etc/ssl/certs"
]
const networkFiles = ["/etc/hosts", "/etc/resolv.conf"]

/** Succeeds wherever it can start. */
const probe: Argv = ["true"]

const bwrap = (
  { folders }: Pick<Confinement, "folders">,
  { cwd, network, read, write }: Pick<CommandSettings, "cwd" | "network" | "read" | "write">
): ReadonlyArray<string> => [
  "bwrap",
  ...folders.flatMap((folder) => ["--ro-bind", folder, folder]),
  ...[...systemFiles, ...(network ? networkFiles : [])].flatMap((file) => ["--ro-bind-try", file, file]),
  "--proc",
  "/proc",
  "--dev",
  "/dev",
  "--tmpfs",
  "/tmp",
  ...read.flatMap((each) => ["--ro-bind", each, each]),
  ...write.flatMap((each) => ["--bind", each, each]),
  "--unshare-user",
  "--unshare-ipc",
  "--unshare-pid",
  "--unshare-uts",
  "--unshare-cgroup-try",
  ...(network ? [] : ["--unshare-net"]),
  "--die-with-parent",
  "--new-session",
  "--cap-drop",
  "ALL",
  "--chdir",
  cwd ?? "/tmp",
  "--"
]

/**
 * Ends the command with this process, also before the guard knows its process group. The guard ends descendants as well.
 */
const dieWithParent = ["--pdeathsig", "KILL"]

/** Runs as `nobody` and can gain no privileges. */
const unprivileged = ({ isRoot, setpriv }: Confinement): ReadonlyArray<string> => {
  if (!setpriv) return []
  const asNobody = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"]
  return ["setpriv", ...dieWithParent, ...(isRoot ? asNobody : []), "--no-new-privs", "--"]
}

/** Runs with the user and the privileges of this process. */
const privileged = ({ setpriv }: Confinement): ReadonlyArray<string> =>
  setpriv ? ["setpriv", ...dieWithParent, "--"] : []

const limits = (
  { max_file_bytes, max_memory_bytes, max_processes }: CommandSettings,
  seconds: number,
  sandboxed: boolean
): ReadonlyArray<string> => [
  "prlimit",
  `--as=${max_memory_bytes}`,
  `--fsize=${max_file_bytes}`,
  `--cpu=${seconds}`,
  "--nofile=256",
  "--core=0",
  // Outside of a sandbox the kernel counts all processes of the user, also those of other programs.
  ...(sandboxed ? [`--nproc=${max_processes}`] : []),
  "--"
]

/** A sandbox that works if `probe` succeeds in it. */
export const probeArgv = (confinement: Confinement): Argv => {
  const [first = "bwrap", ...rest] = [
    ...unprivileged(confinement),
    ...bwrap(confinement, { network: false, read: [], write: [] }),
    ...probe
  ]
  return [first, ...rest]
}

/** The command with its limits. `seconds`: of processor time. Only `off` keeps the user and the privileges of this process. */
export const confine = (
  argv: Argv,
  settings: CommandSettings,
  confinement: Confinement,
  seconds: number
): { readonly argv: Argv; readonly sandboxed: boolean } => {
  const sandboxed = confinement.bwrap && settings.sandbox !== "off"
  const limited = confinement.prlimit ? limits(settings, seconds, sandboxed) : []
  const [first = "", ...rest] = sandboxed
    ? [...unprivileged(confinement), ...bwrap(confinement, settings), ...limited, ...argv]
    : [...(settings.sandbox === "off" ? privileged : unprivileged)(confinement), ...limited, ...argv]
  return { argv: [first, ...rest], sandboxed }
}

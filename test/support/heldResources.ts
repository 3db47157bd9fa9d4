/** Resources that a process of this machine holds, as Linux shows them in `/proc`. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"

/** Reads nothing of a process or descriptor that ends meanwhile. */
const orNothing = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const childrenOf = (pid: string | number): ReadonlyArray<string> =>
  orNothing(() => readdirSync(`/proc/${pid}/task`), []).flatMap((task) =>
    orNothing(() => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8"), "")
      .split(" ")
      .filter((child) => child !== "")
  )

/** Processes that it started, and those that they started. */
const descendantsOf = (pid: string | number): ReadonlyArray<string> =>
  childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)])

/** `socket:[123]`, `pipe:[124]`, `anon_inode:[eventfd]`, or a path. */
const descriptorsOf = (pid: number): ReadonlyArray<string> =>
  orNothing(() => readdirSync(`/proc/${pid}/fd`), []).map((each) =>
    orNothing(() => readlinkSync(`/proc/${pid}/fd/${each}`), "")
  )

const states = { established: "01", listening: "0A" } as const

/** TCP sockets in that state, of IPv4 and IPv6. */
const countTcp = (pid: number, sockets: ReadonlySet<string>, state: keyof typeof states) =>
  ["tcp", "tcp6"]
    .flatMap((file) => orNothing(() => readFileSync(`/proc/${pid}/net/${file}`, "utf8"), "").split("\n"))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === states[state] && sockets.has(`socket:[${fields[9]}]`)).length

export const heldResources = (pid: number) => {
  const descriptors = descriptorsOf(pid)
  const count = (kind: string) => descriptors.filter((each) => each.startsWith(kind)).length
  const sockets = new Set(descriptors.filter((each) => each.startsWith("socket:")))
  return {
    processes: descendantsOf(pid).length,
    sockets: sockets.size,
    established: countTcp(pid, sockets, "established"),
    listening: countTcp(pid, sockets, "listening"),
    pipes: count("pipe:"),
    files: count("/"),
    others: count("anon_inode:")
  }
}
export type HeldResources = ReturnType<typeof heldResources>

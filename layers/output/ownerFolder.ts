/** The folder of each principal inside the output folder, which separates the files of principals. */
import type { Principal } from "../../src/domain/Principal.ts"
import { hmacSha256 } from "../platform/digest.ts"
import { safeName } from "./safeNames.ts"

/** Domain separation of the digest; not a secret. */
const key = new TextEncoder().encode("manifold output folder")
const suffixBytes = 8
const maxReadable = 40
const mark = "~"

/** Whether the name was made by `ownerFolder`. */
export const isOwnerFolder = (name: string): boolean => name.startsWith(mark)

/**
 * `[]` for the stdio user and anonymous loopback: users of this machine can read the folder anyway. For every other
 * principal one name such as `~team-a.9f86d081884c7d65`: the readable subject, and a digest because subjects may differ
 * only in characters that are removed from file names. `safeName` never returns a name that starts with `~`, so it
 * cannot collide with a client's folder.
 */
export const ownerFolder = ({ source, subject }: Principal): ReadonlyArray<string> => {
  if (source === "stdio" || source === "anonymous-loopback") return []
  const digest = Buffer.from(hmacSha256(key, JSON.stringify([source, subject]))).toString("hex")
  const readable = (safeName(subject) ?? "").replace(/[^A-Za-z0-9_@-]+/g, "-").slice(0, maxReadable)
  return [`${mark}${readable}.${digest.slice(0, suffixBytes * 2)}`]
}

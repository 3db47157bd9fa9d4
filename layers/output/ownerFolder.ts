/** The folder of a principal inside the output folder, so that what it has made is its own. */
import type { Principal } from "../../src/domain/Principal.ts"
import { hmacSha256 } from "../platform/digest.ts"
import { safeName } from "./safeNames.ts"

/** Separates what the folder names are made from; secrecy does not matter, because the names are for people to read. */
const key = new TextEncoder().encode("manifold output folder")
const suffixBytes = 8
const maxReadable = 40
const mark = "~"

/** Whether the name is one that `ownerFolder` gives. */
export const isOwnerFolder = (name: string): boolean => name.startsWith(mark)

/**
 * `[]` for the people of this machine, who can read the folder anyway: the stdio user and anonymous loopback. For every
 * other principal one name, such as `~team-a.9f86d081884c7d65`: its subject for people to recognise, and a digest, because
 * subjects may differ in nothing that a file system sees. `safeName` never gives a name with `~` in front, so that no
 * client's folder is taken for it.
 */
export const ownerFolder = ({ source, subject }: Principal): ReadonlyArray<string> => {
  if (source === "stdio" || source === "anonymous-loopback") return []
  const digest = Buffer.from(hmacSha256(key, JSON.stringify([source, subject]))).toString("hex")
  const readable = (safeName(subject) ?? "").replace(/[^A-Za-z0-9_@-]+/g, "-").slice(0, maxReadable)
  return [`${mark}${readable}.${digest.slice(0, suffixBytes * 2)}`]
}

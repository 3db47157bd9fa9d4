/**
 * Replaces a folder by a new one of which the old contents are kept: by renames of the folders, or of their contents where the
 * folder is a mount point or its parent cannot be written. Functions throw the errors of the system.
 */
import {
  accessSync,
  constants,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync
} from "node:fs"
import { dirname } from "node:path"

/** Files in a state folder that the processes which use it keep locked. */
export const inUsePrefix = ".in-use-"

/** Names in a state folder that are no state: of restores, of processes that use the folder, and the folder of ext4 volumes. */
export const isNoState = (name: string): boolean =>
  name.startsWith(".before-restore-") ||
  name.startsWith(inUsePrefix) ||
  name === draftName ||
  name === "lost+found"

/** The file in a draft that its process keeps locked. */
export const markName = ".manifold-partial"

const draftName = ".restore.partial"

export const hasContents = (folder: string): boolean =>
  existsSync(folder) && readdirSync(folder).some((name) => !isNoState(name))

/** Paths for a replacement: of the new folder until it is complete, and of the old contents after it. */
export interface Replacement {
  readonly draft: string
  readonly aside: string
  /**
   * Puts the draft in place. False: the folder cannot be renamed, and nothing was changed. On an error nothing is changed.
   * `complete`: removes the file `markName` from the draft, if it would be renamed with it.
   */
  readonly run: (complete: () => void) => boolean
}

const refusals = ["EACCES", "EBUSY", "EPERM", "EXDEV"]

const isRefusal = (cause: unknown) =>
  cause instanceof Error && "code" in cause && refusals.includes(String(cause.code))

/** By renames of the whole folder. */
export const besideFolder = (folder: string, time: number): Replacement => {
  const draft = `${folder}.partial`
  const aside = `${folder}.before-restore-${time}`
  const run = (complete: () => void) => {
    complete()
    const isMoved = existsSync(folder)
    try {
      if (isMoved) renameSync(folder, aside)
    } catch (cause) {
      if (isRefusal(cause)) return false
      throw cause
    }
    try {
      renameSync(draft, folder)
    } catch (cause) {
      if (isMoved) renameSync(aside, folder)
      throw cause
    }
    if (isMoved && readdirSync(aside).length === 0) rmdirSync(aside)
    return true
  }
  return { draft, aside, run }
}

/** By renames of everything in the folder, within the folder. */
export const insideFolder = (folder: string, time: number): Replacement => {
  const draft = `${folder}/${draftName}`
  const aside = `${folder}/.before-restore-${time}`
  const run = () => {
    const moves = [
      ...readdirSync(folder)
        .filter((name) => !isNoState(name))
        .map((name) => [`${folder}/${name}`, `${aside}/${name}`] as const),
      ...readdirSync(draft)
        .filter((name) => name !== markName)
        .map((name) => [`${draft}/${name}`, `${folder}/${name}`] as const)
    ]
    const done: typeof moves = []
    mkdirSync(aside, { mode: 0o700 })
    try {
      for (const move of moves) {
        renameSync(...move)
        done.push(move)
      }
    } catch (cause) {
      for (const [from, to] of done.toReversed()) renameSync(to, from)
      rmdirSync(aside)
      throw cause
    }
    return true
  }
  return { draft, aside, run }
}

/** Whether the folder is absent, or can probably be renamed. */
export const isRenameable = (folder: string): boolean => {
  if (!existsSync(folder)) return true
  try {
    accessSync(dirname(folder), constants.W_OK)
  } catch {
    return false
  }
  return statSync(folder).dev === statSync(dirname(folder)).dev
}

/** Gives a folder and everything in it to the owner of `like`, if this process is root and `like` exists. */
export const keepOwner = (folder: string, like: string) => {
  const owner = statSync(like, { throwIfNoEntry: false })
  if (owner === undefined || process.getuid?.() !== 0) return
  lchownSync(folder, owner.uid, owner.gid)
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    lchownSync(`${folder}/${entry}`, owner.uid, owner.gid)
  }
}

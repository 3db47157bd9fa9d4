/** Edits the configuration file of an MCP client: validated, minimal change, atomic replacement with a backup. */
import { DateTime, Effect, FileSystem, Option, Path, Predicate } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { describeFileError } from "../platform/describeFileError.ts"
import { ClientFileError } from "./ClientFileError.ts"
import type { Client, Entry } from "./clients.ts"
import * as jsonc from "./jsonc.ts"

export interface ClientFile {
  /** The path as the user knows it. */
  readonly path: string
  /** The file to write: `path` with symbolic links resolved. */
  readonly target: string
  /** Content; `undefined` if the file does not exist. */
  readonly bytes: Uint8Array | undefined
  /** Content as text, without a byte order mark. */
  readonly text: string
  /** Whether there is a byte order mark, which some clients cannot read; `write` removes it. */
  readonly marked: boolean
}

const mark = "\uFEFF"

const failure = (reason: ClientFileError["reason"], path: string, message: string) =>
  new ClientFileError({ reason, path, message })

const unreadable = (path: string) => (error: PlatformError) =>
  failure("unreadable", path, `Cannot read ${path}: ${describeFileError(error.reason)}. Nothing was changed.`)

const unwritable = (path: string) => (error: PlatformError) =>
  failure(
    "unwritable",
    path,
    `Cannot write ${path}: ${describeFileError(error.reason)}. The file was not changed.`
  )

const orAbsent = <A, R>(
  effect: Effect.Effect<A, PlatformError, R>
): Effect.Effect<A | undefined, PlatformError, R> =>
  Effect.catchTag(effect, "PlatformError", (error) =>
    error.reason._tag === "NotFound" ? Effect.undefined : Effect.fail(error)
  )

/** Maximum chain of symbolic links; a longer one is a loop. */
const mostLinks = 40

/** Resolves symbolic links, also if the file or its parent folders do not exist. */
const resolve = (
  path: string,
  left = mostLinks
): Effect.Effect<string, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { basename, dirname, join, resolve: from } = yield* Path.Path
    const real = yield* left > 0 ? orAbsent(fs.realPath(path)) : fs.realPath(path)
    const folder = dirname(path)
    if (real !== undefined || folder === path) return real ?? path
    const link = yield* Effect.option(fs.readLink(path))
    if (Option.isSome(link)) return yield* resolve(from(folder, link.value), left - 1)
    return join(yield* resolve(folder, left - 1), basename(path))
  })

/** Fails with `outside` if symbolic links lead out of the folder. */
const stayInside = Effect.fnUntraced(function* (path: string, target: string, folder: string) {
  const { relative, isAbsolute } = yield* Path.Path
  const way = relative(yield* Effect.mapError(resolve(folder), unreadable(path)), target)
  if (!isAbsolute(way) && !/^\.\.(?:$|[/\\])/.test(way)) return
  return yield* failure(
    "outside",
    path,
    `${path} links to ${target}, outside of this project. Nothing was changed. Remove the link, or omit --project.`
  )
})

/**
 * Reads the file; an absent file is empty. Fails with `outside` if symbolic links lead out of the folder `inside`;
 * with `unreadable` also if it is not a regular file; with `malformed` if it is not JSON that the client can read; with
 * `misshapen` if its structure has no place for servers.
 */
export const read = Effect.fnUntraced(function* (client: Client, path: string, inside?: string) {
  const fs = yield* FileSystem.FileSystem
  const { fault, get, duplicate } = yield* Effect.promise(jsonc.load)
  const target = yield* Effect.mapError(resolve(path), unreadable(path))
  if (inside !== undefined) yield* stayInside(path, target, inside)
  const info = yield* Effect.mapError(orAbsent(fs.stat(target)), unreadable(path))
  // Reading a pipe would block.
  if (info !== undefined && info.type !== "File") {
    return yield* failure("unreadable", path, `${path} is not a regular file. Nothing was changed.`)
  }
  const bytes = yield* Effect.mapError(orAbsent(fs.readFile(target)), unreadable(path))
  const refuse = (reason: "malformed" | "misshapen", at: string, what: string) =>
    failure(
      reason,
      path,
      `${path}${at}: ${what}. Nothing was changed. Correct the file, then run this command again.`
    )

  const decoded = yield* Effect.try(() =>
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  ).pipe(Effect.mapError(() => refuse("malformed", "", "not valid UTF-8")))
  const marked = decoded.startsWith(mark)
  const text = marked ? decoded.slice(mark.length) : decoded

  const wrong = fault(text, client.comments)
  if (wrong) return yield* refuse("malformed", `:${wrong.at}`, `invalid JSON: ${wrong.message}`)
  const twice = duplicate(text, [client.key])
  if (twice) return yield* refuse("misshapen", `:${twice.at}`, twice.message)
  const [root, servers] = [get(text, []), get(text, [client.key])]
  if (root !== undefined && !isMap(root)) return yield* refuse("misshapen", "", "expected an object")
  if (servers !== undefined && !isMap(servers)) {
    return yield* refuse("misshapen", "", `expected an object under "${client.key}"`)
  }
  return { path, target, bytes, text, marked } satisfies ClientFile
})

const isMap = (value: unknown): value is Entry => Predicate.isObject(value) && !Array.isArray(value)

/** The entries of all servers in the file, by name. */
export const servers = (client: Client, file: ClientFile): Effect.Effect<Entry> =>
  Effect.map(Effect.promise(jsonc.load), ({ get }) => {
    const found = get(file.text, [client.key])
    return isMap(found) ? found : {}
  })

/** Keys that apply to one transport only. */
const stdioOnly = ["command", "args", "env", "envFile", "cwd"]
const httpOnly = ["url", "headers"]

/**
 * Merges the wanted entry into the existing one: keeps additional keys such as variables, and removes keys of the other
 * transport.
 */
export const merge = (before: unknown, wanted: Entry): Entry => {
  if (!isMap(before)) return wanted
  const obsolete = "url" in wanted ? stdioOnly : httpOnly
  const kept = Object.fromEntries(Object.entries(before).filter(([key]) => !obsolete.includes(key)))
  const env = isMap(kept["env"]) && isMap(wanted["env"]) && { env: { ...kept["env"], ...wanted["env"] } }
  return { ...kept, ...wanted, ...env }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** The text with the entry replaced, or removed for `undefined`; the same text if nothing changes. */
export const edit = Effect.fnUntraced(function* (
  client: Client,
  { path, text }: ClientFile,
  name: string,
  entry: Entry | undefined
) {
  const { duplicate, get, put, remove } = yield* Effect.promise(jsonc.load)
  const place = [client.key, name] as const
  const twice = duplicate(text, place)
  if (twice) {
    return yield* failure("misshapen", path, `${path}:${twice.at}: ${twice.message}. Remove one of them.`)
  }
  const before = get(text, place)
  if (entry === undefined) return remove(text, place)
  if (!isMap(before)) return same(before, entry) ? text : put(text, place, entry)
  const gone = Object.keys(before).filter((key) => !(key in entry))
  const changed = Object.entries(entry).filter(([key, value]) => !same(before[key], value))
  const without = gone.reduce((left, key) => remove(left, [...place, key]), text)
  return changed.reduce((left, [key, value]) => put(left, [...place, key], value), without)
})

/** Whether its mode is read-only; root could still write it, but should not. */
const isReadOnly = ({ mode }: FileSystem.File.Info) => (mode & 0o222) === 0

const sameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
  a === undefined || b === undefined
    ? a === b
    : a.length === b.length && a.every((byte, at) => byte === b[at])

/**
 * Replaces the file atomically, keeping its mode, and returns the path of a backup of the old content. Fails with `changed`
 * if the file was changed since it was read; with `unwritable` if the file or its folder is not writable.
 */
export const write = Effect.fnUntraced(function* (file: ClientFile, text: string) {
  const fs = yield* FileSystem.FileSystem
  const { basename, dirname, join } = yield* Path.Path
  const { bytes, path, target } = file
  const folder = dirname(target)

  const replace = Effect.gen(function* () {
    yield* fs.makeDirectory(folder, { recursive: true })
    const stat = yield* orAbsent(fs.stat(target))
    for (const [what, info] of [
      [folder, yield* fs.stat(folder)],
      [path, stat]
    ] as const) {
      if (info && isReadOnly(info)) {
        return yield* failure("unwritable", path, `${what} is read-only. Nothing was changed.`)
      }
    }
    const mode = stat === undefined ? 0o600 : stat.mode & 0o777
    const stamp = DateTime.formatIso(yield* DateTime.now).replaceAll(/[:.]/g, "-")
    const draft = join(folder, `.${basename(target)}.${stamp}`)
    const whole = new TextEncoder().encode(text)
    const save = (place: string, content: Uint8Array) =>
      Effect.scoped(
        Effect.flatMap(fs.open(place, { flag: "wx", mode }), (opened) =>
          Effect.andThen(opened.writeAll(content), opened.sync)
        )
      )
    yield* Effect.gen(function* () {
      yield* save(draft, whole)
      // The umask may have removed bits.
      yield* fs.chmod(draft, mode)
      if (stat !== undefined) yield* keepOwner(draft, stat)
      // As late as possible: a change between this check and the rename would be lost.
      const now = yield* orAbsent(fs.readFile(target))
      if (!sameBytes(bytes, now)) {
        return yield* failure(
          "changed",
          path,
          `${path} was changed by another program. Nothing was written. Run this command again.`
        )
      }
      if (bytes !== undefined) yield* save(`${target}.backup-${stamp}`, bytes)
      yield* fs.rename(draft, target)
    }).pipe(Effect.ensuring(Effect.ignore(fs.remove(draft))))
    return bytes === undefined ? undefined : `${target}.backup-${stamp}`
  })
  return yield* Effect.catchTag(replace, "PlatformError", unwritable(path))
})

const keepOwner = (draft: string, { gid, uid }: FileSystem.File.Info) =>
  Option.match(Option.all([uid, gid]), {
    onNone: () => Effect.void,
    // Only root may change the owner.
    onSome: ([user, group]) =>
      Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.ignore(fs.chown(draft, user, group)))
  })

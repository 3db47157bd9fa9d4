/** Synchronous copies of state files for backups: durable, readable by this user only. Functions throw the errors of the system. */
import { Database } from "bun:sqlite"
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path"

export const syncFile = (path: string) => {
  const descriptor = openSync(path, "r+")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Copies a regular file, not yet durably; shares its blocks where the file system can. */
export const copyBytes = (from: string, to: string) => {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  copyFileSync(from, to, constants.COPYFILE_FICLONE)
  chmodSync(to, 0o600)
}

/** Copies a regular file; shares its blocks where the file system can. */
export const copyFile = (from: string, to: string) => {
  copyBytes(from, to)
  syncFile(to)
}

/** Changes when the file is replaced or written; undefined without a file. */
export const fingerprintOf = (path: string): string | undefined => {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`
}

/** Paths of regular files in the folder, relative and with `/`, sorted, without those for which `isLeftOut`. No symbolic links. */
export const filesIn = (
  folder: string,
  isLeftOut: (path: string) => boolean = () => false,
  within = ""
): ReadonlyArray<string> =>
  readdirSync(join(folder, within), { withFileTypes: true })
    .flatMap((entry) => {
      const path = within + entry.name
      if (isLeftOut(path)) return []
      if (entry.isDirectory()) return filesIn(folder, isLeftOut, `${path}/`)
      return entry.isFile() ? [path] : []
    })
    .toSorted()

const chunkBytes = 2 ** 20

/** Size in bytes, and SHA-256 in hexadecimal digits. */
export const digestOf = (path: string): { readonly size: number; readonly sha256: string } => {
  const descriptor = openSync(path, "r")
  try {
    const hash = new Bun.CryptoHasher("sha256")
    const chunk = Buffer.allocUnsafe(chunkBytes)
    let size = 0
    for (let read = -1; (read = readSync(descriptor, chunk, 0, chunkBytes, size)) > 0; size += read) {
      hash.update(chunk.subarray(0, read))
    }
    return { size, sha256: hash.digest("hex") }
  } finally {
    closeSync(descriptor)
  }
}

/** Time to wait for a transaction of another process, in ms. */
const busyTimeout = 10_000

/** Writes a consistent copy of a SQLite database that other processes may use meanwhile. */
export const copyDatabase = (from: string, to: string) => {
  const database = new Database(from, { readwrite: true, create: false })
  try {
    database.run(`PRAGMA busy_timeout = ${busyTimeout}`)
    database.run("VACUUM INTO ?", [to])
  } finally {
    database.close()
  }
  chmodSync(to, 0o600)
  syncFile(to)
}

/** The newest migration in a SQLite database; 0 without one. */
export const migrationOf = (path: string, table: string): number => {
  const database = new Database(path, { readonly: true })
  try {
    const found: unknown = database.query(`SELECT MAX(migration_id) AS id FROM ${table}`).get()
    return typeof found === "object" && found !== null && "id" in found ? Number(found.id ?? 0) : 0
  } finally {
    database.close()
  }
}

/** Ends the leases of processes: of all tables with a column `lease_until`. */
export const endLeases = (path: string) => {
  const database = new Database(path, { readwrite: true, create: false })
  try {
    const tables = database
      .query<{ readonly name: string }, []>(
        "SELECT t.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND c.name = 'lease_until'"
      )
      .all()
    for (const { name } of tables) database.run(`UPDATE ${name} SET lease_until = 0`)
  } finally {
    database.close()
  }
  syncFile(path)
}

/** Whether another process has the SQLite database open: only a single connection can leave WAL mode. */
export const isDatabaseOpen = (path: string): boolean => {
  if (!existsSync(path)) return false
  const database = new Database(path, { readwrite: true, create: false })
  try {
    database.run("PRAGMA journal_mode = DELETE")
    return false
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && String(cause.code).startsWith("SQLITE_BUSY")) return true
    throw cause
  } finally {
    database.close()
  }
}

/** Bytes of the largest text that is read as a whole. */
const maxText = 2 ** 24

export const readText = (path: string): string => {
  if (statSync(path).size > maxText) throw new Error(`larger than ${maxText} bytes`)
  return readFileSync(path, "utf8")
}

export const writeText = (path: string, text: string) => {
  writeFileSync(path, text, { flag: "wx", mode: 0o600 })
  syncFile(path)
}

export const makeNewFolder = (path: string) => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  mkdirSync(path, { mode: 0o700 })
}

export const isEmptyOrAbsent = (path: string): boolean => !existsSync(path) || readdirSync(path).length === 0

export const isPresent = existsSync

export const isReadable = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}

/** The path without symbolic links, also where its last parts do not exist. */
export const realPath = (path: string): string =>
  existsSync(path) || dirname(path) === path
    ? realpathSync(path)
    : join(realPath(dirname(path)), basename(path))

/** Whether the path is the folder or in it. */
export const isWithin = (folder: string, path: string): boolean => {
  const way = relative(realPath(folder), realPath(path))
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

export const move = renameSync
export const removeFolder = (path: string) => rmSync(path, { recursive: true, force: true })

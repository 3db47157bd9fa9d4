/** Files of the log: `events.jsonl`, its sealed segments, and the quarantine. Functions throw the errors of the system. */
import {
  blank,
  LogFile,
  makeFolder,
  namesIn,
  removeFile,
  replaceFile,
  statOf
} from "../../platform/LogFile.ts"
import type { Extent, Place } from "./EventIndex.ts"
import { encodeLine, isSegment, parseLine } from "./lines.ts"

export const quarantineName = "events.quarantine"

/** Bytes that are read at once. */
const chunkBytes = 2 ** 20

/** Bytes that are read at once to copy events. */
const nearBytes = 64 * 2 ** 10

const sealedName = /^events-(\d{6,})\.jsonl$/

export interface ActiveFile {
  readonly file: LogFile
  readonly segment: number
  /** Bytes that are indexed. */
  position: number
}

/** A place whose file was written again by another process. */
export class Moved extends Error {}

export class SegmentFiles {
  readonly folder: string
  active: ActiveFile | undefined
  isReadOnly = false
  #syncing: Promise<void> | undefined
  #nextSync: Promise<void> | undefined
  /** Inode, and the file once it was read, by number. */
  readonly sealed = new Map<number, { readonly inode: number; file?: LogFile }>()

  constructor(folder: string) {
    this.folder = folder
  }

  get activePath(): string {
    return `${this.folder}/events.jsonl`
  }

  get lockPath(): string {
    return `${this.folder}/events.lock`
  }

  ownerPath(id: string): string {
    return `${this.folder}/events.owners/${id.replaceAll(/[^\w-]/g, "_")}.lock`
  }

  sealedPath(segment: number): string {
    return `${this.folder}/events-${String(segment).padStart(6, "0")}.jsonl`
  }

  pathOf(segment: number): string {
    return this.active?.segment === segment ? this.activePath : this.sealedPath(segment)
  }

  makeFolder() {
    makeFolder(this.folder)
  }

  makeOwners() {
    makeFolder(`${this.folder}/events.owners`)
  }

  /** Inodes of the sealed segments that exist. */
  listSealed(): ReadonlyMap<number, number> {
    const found = new Map<number, number>()
    for (const name of namesIn(this.folder)) {
      const number = sealedName.exec(name)?.[1]
      const inode = number === undefined ? undefined : statOf(`${this.folder}/${name}`)?.inode
      if (inode !== undefined) found.set(Number(number), inode)
    }
    return new Map([...found].toSorted(([one], [other]) => one - other))
  }

  /** Bytes of `events.jsonl`; undefined: it is not the file that is open, or is shorter than what is indexed. */
  get activeSize(): number | undefined {
    const found = statOf(this.activePath)
    const { active } = this
    if (active === undefined) return found === undefined ? 0 : undefined
    return found?.inode === active.file.inode && found.size >= active.position ? found.size : undefined
  }

  /** Opens `events.jsonl` if it exists. A file without a first line of ours is a segment, too. */
  openActive(newest: number) {
    if (statOf(this.activePath) === undefined) return
    const file = this.#open(this.activePath)
    const bytes = file.read(0, 4096)
    const line = parseLine(bytes.toString("utf8", 0, Math.max(0, bytes.indexOf(10))))
    const segment = line !== undefined && isSegment(line) ? line.segment : newest + 1
    this.active = { file, segment, position: 0 }
  }

  #open(path: string): LogFile {
    return new LogFile(path, this.isReadOnly ? "read" : "append")
  }

  /** Makes an empty `events.jsonl`, also in place of one that is sealed. */
  replaceActive(segment: number) {
    const temporary = `${this.activePath}.new`
    removeFile(temporary)
    const file = new LogFile(temporary, "create")
    const line = encodeLine({ type: "log_segment", segment })
    file.append(line, 0)
    file.syncNow()
    file.close()
    replaceFile(temporary, this.activePath, this.folder)
    this.active = { file: this.#open(this.activePath), segment, position: line.length }
  }

  /** Writes lines and parts of other files into a new sealed segment. Returns its file. */
  writeSealed(segment: number, parts: Iterable<{ readonly from: LogFile; readonly extent: Extent }>) {
    const temporary = `${this.sealedPath(segment)}.new`
    removeFile(temporary)
    const file = new LogFile(temporary, "create")
    const moved: Array<readonly [Extent, number]> = []
    let size = 0
    const write = (bytes: Uint8Array) => {
      file.append(bytes, size)
      size += bytes.length
    }
    let buffered: Array<Uint8Array> = [encodeLine({ type: "log_segment", segment })]
    let waiting = buffered[0]?.length ?? 0
    let near: { readonly from?: LogFile; readonly start: number; readonly bytes: Buffer } = {
      start: 0,
      bytes: Buffer.alloc(0)
    }
    for (const { extent, from } of parts) {
      moved.push([extent, size + waiting])
      const { length, offset } = extent
      // Events of a conversation are often close to each other.
      if (from !== near.from || offset < near.start || offset + length > near.start + near.bytes.length) {
        near = { from, start: offset, bytes: from.read(offset, Math.max(length, nearBytes)) }
      }
      const bytes = near.bytes.subarray(offset - near.start, offset - near.start + length)
      buffered.push(bytes)
      waiting += bytes.length
      if (waiting < chunkBytes) continue
      write(Buffer.concat(buffered))
      buffered = []
      waiting = 0
    }
    write(Buffer.concat(buffered))
    file.syncNow()
    replaceFile(temporary, this.sealedPath(segment), this.folder)
    for (const [extent, offset] of moved) extent.offset = offset
    this.sealed.get(segment)?.file?.close()
    this.sealed.set(segment, { inode: file.inode, file })
    return file
  }

  removeSealed(segment: number) {
    removeFile(this.sealedPath(segment))
    this.sealed.get(segment)?.file?.close()
    this.sealed.delete(segment)
  }

  fileOf(segment: number): LogFile {
    if (this.active?.segment === segment) return this.active.file
    const known = this.sealed.get(segment)
    if (known?.file !== undefined) return known.file
    const file = new LogFile(this.sealedPath(segment), "read")
    if (known === undefined || file.inode !== known.inode) {
      file.close()
      throw new Moved()
    }
    known.file = file
    return file
  }

  /** Chunks of whole lines from `offset` on, with the place of each. Bytes after the last line are left out. */
  *chunks(file: LogFile, offset: number): Generator<readonly [offset: number, bytes: Buffer]> {
    let length = chunkBytes
    for (;;) {
      const bytes = file.read(offset, length)
      const end = bytes.lastIndexOf(10) + 1
      if (end > 0) yield [offset, bytes.subarray(0, end)]
      if (bytes.length < length) return
      // A line that is longer than the chunk is read at once.
      length = end > 0 ? chunkBytes : length * 2
      offset += end
    }
  }

  /** Moves lines to the quarantine. */
  quarantine(places: ReadonlyArray<Place>) {
    this.verify(places)
    const path = `${this.folder}/${quarantineName}`
    const file = new LogFile(path, "append")
    try {
      for (const { length, offset, segment } of places) {
        file.append(this.fileOf(segment).read(offset, length), file.size)
      }
      file.syncNow()
    } finally {
      file.close()
    }
    this.erase(places)
  }

  /** Throws `Moved` if the files of the places were written again. */
  verify(places: ReadonlyArray<Place>) {
    for (const segment of new Set(places.map((place) => place.segment))) {
      if (this.active?.segment === segment) continue
      if (statOf(this.sealedPath(segment))?.inode !== this.sealed.get(segment)?.inode) throw new Moved()
    }
  }

  /** Writes blanks over places, whose lines keep their ends. */
  erase(places: ReadonlyArray<Place>) {
    this.verify(places)
    const bySegment = Map.groupBy(places, ({ segment }) => segment)
    for (const [segment, found] of bySegment) {
      blank(
        this.pathOf(segment),
        found.map(({ length, offset }) => [offset, length - 1] as const)
      )
    }
  }

  /** Flushes what was appended to the disk. Flushes of several callers are one. */
  sync(): Promise<void> {
    const { active } = this
    if (active === undefined) return Promise.resolve()
    const start = (): Promise<void> => {
      this.#nextSync = undefined
      return (this.#syncing = (this.active?.file ?? active.file).sync().finally(() => {
        this.#syncing = undefined
      }))
    }
    if (this.#syncing === undefined) return start()
    // The running flush may have begun before the caller wrote.
    return (this.#nextSync ??= this.#syncing.then(start, start))
  }

  /** Closes a file that was sealed, and so flushed, once nothing flushes it. */
  retire(file: LogFile) {
    if (this.#syncing === undefined) file.close()
    else void this.#syncing.finally(() => file.close()).catch(() => undefined)
  }

  close() {
    if (this.active !== undefined) this.retire(this.active.file)
    this.active = undefined
    for (const { file } of this.sealed.values()) file?.close()
    this.sealed.clear()
  }
}

/** Files of the log: `events.jsonl`, its sealed segments, and the quarantine. Functions throw the errors of the system. */
import {
  blank,
  LogFile,
  makeFolder,
  namesIn,
  removeFile,
  replaceFile,
  statOf,
  syncFolder
} from "../../platform/LogFile.ts"
import type { Place } from "./EventIndex.ts"
import { encodeLine, isSegment, parseLine } from "./lines.ts"

export const quarantineName = "events.quarantine"

/** Bytes that are read at once. */
const chunkBytes = 2 ** 20

const sealedName = /^events-(\d{6,})\.jsonl$/
const temporaryName = /^events-\d{6,}\.jsonl\.new$/

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
  /** Sealed since the last flush. */
  readonly #unsynced = new Set<LogFile>()
  /** Times that each segment was erased in part. */
  readonly #erasures = new Map<number, number>()
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

  temporaryPath(segment: number): string {
    return `${this.sealedPath(segment)}.new`
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

  /** Bytes of `events.jsonl`; undefined: it is another or a shorter file than what is indexed, or a segment is not indexed. */
  get activeSize(): number | undefined {
    const found = statOf(this.activePath)
    const { active } = this
    const isIndexed = () => [...this.listSealed().keys()].every((segment) => this.isCurrent(segment))
    if (active === undefined) return found === undefined && isIndexed() ? 0 : undefined
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
    file.close()
    replaceFile(temporary, this.activePath)
    this.active = { file: this.#open(this.activePath), segment, position: line.length }
  }

  /** Makes `events.jsonl` a segment, and begins a new one. */
  sealActive() {
    const { active } = this
    if (active === undefined) return
    replaceFile(this.activePath, this.sealedPath(active.segment))
    this.retireActive()
    this.replaceActive(active.segment + 1)
  }

  /** `events.jsonl` was sealed: it is the same file under another name. */
  retireActive() {
    if (this.active === undefined) return
    const { file, segment } = this.active
    this.#unsynced.add(file)
    this.sealed.set(segment, { inode: file.inode, file })
    this.active = undefined
  }

  /** Replaces a sealed segment by a file that was flushed. */
  replaceSealed(segment: number, file: LogFile) {
    replaceFile(this.temporaryPath(segment), this.sealedPath(segment))
    this.forgetSealed(segment)
    this.sealed.set(segment, { inode: file.inode, file })
  }

  /** Of processes that died while they wrote them. */
  removeTemporary() {
    for (const name of namesIn(this.folder)) {
      if (temporaryName.test(name)) removeFile(`${this.folder}/${name}`)
    }
  }

  removeSealed(segment: number) {
    removeFile(this.sealedPath(segment))
    this.forgetSealed(segment)
  }

  forgetSealed(segment: number) {
    const file = this.sealed.get(segment)?.file
    if (file !== undefined) this.#close(file)
    this.sealed.delete(segment)
  }

  closeActive() {
    if (this.active !== undefined) this.#close(this.active.file)
    this.active = undefined
  }

  /** Once nothing flushes it. */
  #close(file: LogFile) {
    this.#unsynced.delete(file)
    if (this.#syncing === undefined) file.close()
    else void this.#syncing.finally(() => file.close()).catch(() => undefined)
  }

  /** Throws `Moved` if it is another file now. */
  fileOf(segment: number): LogFile {
    if (this.active?.segment === segment) return this.active.file
    const file = this.openSealed(segment)
    if (file === undefined) throw new Moved()
    return file
  }

  /** Undefined: it is another file now. */
  openSealed(segment: number): LogFile | undefined {
    const known = this.sealed.get(segment)
    if (known?.file !== undefined) return known.file
    const path = this.sealedPath(segment)
    if (known === undefined || statOf(path)?.inode !== known.inode) return undefined
    const file = new LogFile(path, "read")
    if (file.inode !== known.inode) {
      file.close()
      return undefined
    }
    known.file = file
    return file
  }

  /**
   * Chunks of whole lines from `offset` to `size`, with the place of each. Bytes after the last line are left out.
   * `into`: a buffer for all chunks, of which one is valid at a time.
   */
  *chunks(
    file: LogFile,
    offset: number,
    size: number,
    most = chunkBytes,
    into?: Buffer<ArrayBuffer>
  ): Generator<readonly [offset: number, bytes: Buffer]> {
    let length = most
    while (offset < size) {
      const bytes = file.read(offset, Math.min(length, size - offset), into)
      const end = bytes.lastIndexOf(10) + 1
      if (end > 0) yield [offset, bytes.subarray(0, end)]
      if (bytes.length < length) return
      // A line that is longer than the chunk is read at once.
      length = end > 0 ? most : length * 2
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
      if (this.active?.segment !== segment && !this.isCurrent(segment)) throw new Moved()
    }
  }

  /** False: another process has written the sealed segment again, or removed it. */
  isCurrent(segment: number): boolean {
    const known = this.sealed.get(segment)
    return known !== undefined && statOf(this.sealedPath(segment))?.inode === known.inode
  }

  erasures(segment: number): number {
    return this.#erasures.get(segment) ?? 0
  }

  /** Writes blanks over places, whose lines keep their ends. */
  erase(places: ReadonlyArray<Place>) {
    this.verify(places)
    const bySegment = Map.groupBy(places, ({ segment }) => segment)
    for (const [segment, found] of bySegment) {
      this.#erasures.set(segment, this.erasures(segment) + 1)
      blank(
        this.pathOf(segment),
        found.map(({ length, offset }) => [offset, length - 1] as const)
      )
    }
  }

  /** Flushes what was appended to the disk. Flushes of several callers are one. */
  sync(): Promise<void> {
    const start = (): Promise<void> => {
      this.#nextSync = undefined
      return (this.#syncing = this.#syncAll().finally(() => {
        this.#syncing = undefined
      }))
    }
    if (this.#syncing === undefined) return start()
    // The running flush may have begun before the caller wrote.
    return (this.#nextSync ??= this.#syncing.then(start, start))
  }

  async #syncAll() {
    const sealed = [...this.#unsynced]
    await Promise.all([this.active?.file.sync(), ...sealed.map((file) => file.sync())])
    if (sealed.length === 0) return
    await syncFolder(this.folder)
    for (const file of sealed) this.#unsynced.delete(file)
  }

  close() {
    this.closeActive()
    for (const segment of this.sealed.keys()) this.forgetSealed(segment)
  }
}

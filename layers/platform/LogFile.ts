/** Synchronous access to files that several processes append to. Functions throw the errors of the system. */
import {
  close,
  closeSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync
} from "node:fs"
import { FFIType, type Pointer, ptr } from "bun:ffi"
import { libc } from "./libc.ts"

const load = () =>
  libc({ write: { args: [FFIType.i32, FFIType.ptr, FFIType.u64_fast], returns: FFIType.i64_fast } })
let kernel: ReturnType<typeof load> | null = null

/** The bytes of a smaller array may be moved. */
const unmovedBytes = 4096
let latest: { readonly bytes: Uint8Array; readonly address: Pointer } | undefined

/** Most writes have the same buffer. */
const addressOf = (bytes: Uint8Array): Pointer => {
  if (latest?.bytes === bytes) return latest.address
  const address = ptr(bytes)
  if (bytes.length >= unmovedBytes) latest = { bytes, address }
  return address
}

/** `write(2)` itself, because `writeSync` takes a tenth longer for a short line. The result is negative if it failed. */
const writeNow = (descriptor: number, bytes: Uint8Array, length: number): number => {
  if (kernel === null) kernel = load()
  // An empty array has no address.
  return kernel === undefined || length === 0 ? 0 : Number(kernel.write(descriptor, addressOf(bytes), length))
}

export class LogFile {
  readonly inode: number
  readonly #descriptor: number

  constructor(path: string, mode: "append" | "create" | "read") {
    const flags = { append: "a+", create: "wx+", read: "r" } as const
    this.#descriptor = openSync(path, flags[mode], 0o600)
    this.inode = fstatSync(this.#descriptor).ino
  }

  get size(): number {
    return fstatSync(this.#descriptor).size
  }

  /** Fewer bytes at the end of the file. `into`: used if it is large enough, because a new buffer costs more than reading. */
  read(offset: number, length: number, into?: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
    const bytes = into !== undefined && length <= into.length ? into : Buffer.allocUnsafe(length)
    let read = 0
    while (read < length) {
      const more = readSync(this.#descriptor, bytes, read, length - read, offset + read)
      if (more === 0) break
      read += more
    }
    return bytes.subarray(0, read)
  }

  /** At the end of the file, of which `size` is the present one: all of the first `length` bytes or none. */
  append(bytes: Uint8Array, size: number, length = bytes.length) {
    // What failed is tried again by `writeSync`, which throws the error.
    let written = Math.max(0, writeNow(this.#descriptor, bytes, length))
    try {
      while (written < length) written += writeSync(this.#descriptor, bytes, written, length - written)
    } catch (error) {
      ftruncateSync(this.#descriptor, size)
      throw error
    }
  }

  truncate(size: number) {
    ftruncateSync(this.#descriptor, size)
  }

  syncNow() {
    fsyncSync(this.#descriptor)
  }

  /** Flushes what was written before to the disk, without blocking this process. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fsync(this.#descriptor, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  close() {
    closeSync(this.#descriptor)
  }
}

/** Writes blanks over parts of the file. */
export const blank = (path: string, parts: Iterable<readonly [offset: number, length: number]>) => {
  // A file that is open for appending writes at its end only.
  const descriptor = openSync(path, "r+")
  try {
    for (const [offset, length] of parts) {
      writeSync(descriptor, Buffer.alloc(length, " "), 0, length, offset)
    }
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Inode of the file; undefined if there is none. */
export const inodeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino

/** Inode and size in bytes; undefined if there is no file. */
export const statOf = (path: string): { readonly inode: number; readonly size: number } | undefined => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? undefined : { inode: found.ino, size: found.size }
}

export const replaceFile = (from: string, to: string) => renameSync(from, to)

/** Makes the names of files durable, as far as the platform can. */
export const syncFolder = (folder: string): Promise<void> =>
  new Promise((resolve) => {
    open(folder, "r", (failed, descriptor) => {
      if (failed !== null) return resolve()
      fsync(descriptor, () => close(descriptor, () => resolve()))
    })
  })

export const removeFile = (path: string) => rmSync(path, { force: true })

/** Names in the folder, none if it does not exist. */
export const namesIn = (folder: string): ReadonlyArray<string> =>
  statSync(folder, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(folder)

export const makeFolder = (folder: string) => mkdirSync(folder, { recursive: true, mode: 0o700 })

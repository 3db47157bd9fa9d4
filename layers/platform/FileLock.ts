/**
 * Exclusive locks between processes. On Linux and macOS the kernel holds them (`flock(2)`) and frees them when the process
 * ends in any way; elsewhere a lock is a file with the process id, which counts as free when that process is gone.
 */
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync
} from "node:fs"
import { dirname } from "node:path"
import { FFIType } from "bun:ffi"
import { libc } from "./libc.ts"

/** How to wait for a lock that is held for a short time. Each pause blocks this process. */
export interface ShortWait {
  readonly pauses: number
  /** In microseconds. The kernel adds about 70. */
  readonly pause: number
  /** Runs before the first pause, and before each `meanwhileEvery`th one after it. */
  readonly meanwhile: () => void
  readonly meanwhileEvery: number
}

/** Functions throw the errors of the system, such as EACCES. */
export interface FileLock {
  /** False: another process, or another `FileLock`, holds it. `wait`: as long as that is likely to be short. */
  readonly tryLock: (wait?: ShortWait) => boolean
  readonly unlock: () => void
  /** Makes the file, or shows that it cannot be made, without taking the lock. */
  readonly probe: () => void
  /** While it is held: removes the file and releases the lock. */
  readonly remove: () => void
  /** Releases the lock. */
  readonly close: () => void
}

// flock(2)
const exclusive = 2
const nonBlocking = 4
const release = 8

const load = () =>
  libc({
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    usleep: { args: [FFIType.u32], returns: FFIType.i32 }
  })
type Kernel = NonNullable<ReturnType<typeof load>>
let kernel: Kernel | undefined | null = null

/** Time after which it is checked again that the locked file is still there, in ms. */
const checkEvery = 100

const inodeAt = (path: string) => statSync(path, { throwIfNoEntry: false })?.ino

const kernelLock = (path: string, { flock, usleep }: Kernel): FileLock => {
  let descriptor: number | undefined
  let checked = -checkEvery
  const close = () => {
    if (descriptor !== undefined) closeSync(descriptor)
    descriptor = undefined
  }
  const lockNow = (): boolean => {
    for (;;) {
      if (descriptor === undefined) {
        descriptor = openSync(path, "a", 0o600)
        checked = -checkEvery
      }
      if (flock(descriptor, exclusive | nonBlocking) !== 0) return false
      const now = performance.now()
      if (now - checked < checkEvery) return true
      checked = now
      // The process that held the lock before may have removed the file.
      if (fstatSync(descriptor).ino === inodeAt(path)) return true
      close()
    }
  }
  const lockSoon = ({ meanwhile, meanwhileEvery, pause, pauses }: ShortWait): boolean => {
    for (let attempt = 0; attempt < pauses; attempt++) {
      if (attempt % meanwhileEvery === 0) meanwhile()
      usleep(pause)
      if (lockNow()) return true
    }
    return false
  }
  return {
    tryLock: (wait) => lockNow() || (wait !== undefined && lockSoon(wait)),
    probe: () => {
      descriptor ??= openSync(path, "a", 0o600)
    },
    unlock: () => {
      if (descriptor !== undefined) flock(descriptor, release)
    },
    remove: () => {
      rmSync(path, { force: true })
      close()
    },
    close
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

let attempts = 0

/** For platforms without `flock`. */
export const pidLock = (path: string): FileLock => {
  let isHeld = false
  const create = (): boolean => {
    try {
      const descriptor = openSync(path, "wx", 0o600)
      writeSync(descriptor, String(process.pid))
      closeSync(descriptor)
      return true
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") return false
      throw error
    }
  }
  const isAbandoned = (): boolean => {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return true
    const pid = Number(readFileSync(path, "utf8"))
    // The file is empty for an instant after it was made.
    return pid > 0 ? !isAlive(pid) : Date.now() - found.mtimeMs > 1000
  }
  const unlock = () => {
    if (isHeld) rmSync(path, { force: true })
    isHeld = false
  }
  return {
    tryLock: () => {
      if (isHeld) return false
      if ((isHeld = create())) return true
      if (!isAbandoned()) return false
      // Only one of several processes can rename it.
      const removed = `${path}.${process.pid}.${attempts++}`
      try {
        renameSync(path, removed)
      } catch {
        return false
      }
      rmSync(removed, { force: true })
      return (isHeld = create())
    },
    unlock,
    probe: () => accessSync(dirname(path), constants.W_OK),
    remove: unlock,
    close: unlock
  }
}

/** The file is made when the lock is taken for the first time. */
export const fileLock = (path: string): FileLock => {
  if (kernel === null) kernel = load()
  return kernel === undefined ? pidLock(path) : kernelLock(path, kernel)
}

/** Whether a process holds the lock of the file. If none does, the file is removed. */
export const isLocked = (path: string): boolean => {
  if (inodeAt(path) === undefined) return false
  const lock = fileLock(path)
  if (!lock.tryLock()) {
    lock.close()
    return true
  }
  rmSync(path, { force: true })
  lock.close()
  return false
}

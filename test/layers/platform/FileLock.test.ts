/** Locks between processes: the kernel's, and those of platforms without them. */
import { describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileLock, isLocked, pidLock } from "../../../layers/platform/FileLock.ts"

const withFile = (body: (path: string) => void | Promise<void>) => async () => {
  const folder = mkdtempSync(join(tmpdir(), "manifold-lock-"))
  try {
    await body(join(folder, "file.lock"))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const source = join(import.meta.dir, "../../../layers/platform/FileLock.ts")

/** Another process that holds the lock until it is killed. */
const holder = async (path: string, kind: string) => {
  const script = `import { ${kind} } from ${JSON.stringify(source)}
    console.log(${kind}(${JSON.stringify(path)}).tryLock())
    await new Promise(() => setInterval(() => {}, 1000))`
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" })
  const { value } = await child.stdout.getReader().read()
  expect(new TextDecoder().decode(value).trim()).toBe("true")
  return child
}

describe.each([
  ["fileLock", fileLock],
  ["pidLock", pidLock]
] as const)("%s", (kind, make) => {
  test(
    "is held by one at a time, and can be taken again after it is released",
    withFile((path) => {
      const [one, other] = [make(path), make(path)]
      expect(one.tryLock()).toBe(true)
      expect(other.tryLock()).toBe(false)
      expect(other.tryLock({ pauses: 3, pause: 10, meanwhile: () => undefined, meanwhileEvery: 1 })).toBe(
        false
      )
      one.unlock()
      expect(other.tryLock()).toBe(true)
      other.close()
      expect(one.tryLock()).toBe(true)
      one.remove()
      expect(existsSync(path)).toBe(false)
    })
  )

  test(
    "is free once its process was killed",
    withFile(async (path) => {
      const child = await holder(path, kind)
      const lock = make(path)
      expect(lock.tryLock()).toBe(false)
      child.kill("SIGKILL")
      await child.exited
      expect(lock.tryLock()).toBe(true)
      lock.close()
    })
  )
})

test(
  "a kernel lock of a file that was removed is that of the new file",
  withFile((path) => {
    const [one, other] = [fileLock(path), fileLock(path)]
    expect(one.tryLock()).toBe(true)
    rmSync(path)
    writeFileSync(path, "")
    expect(other.tryLock()).toBe(true)
    one.unlock()
    expect(isLocked(path)).toBe(true)
    other.close()
    expect(isLocked(path)).toBe(false)
    expect(existsSync(path)).toBe(false)
    one.close()
  })
)

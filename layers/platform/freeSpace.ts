/** Free space of file systems. Functions reject with the errors of the system. */
import { statfs } from "node:fs/promises"

/** For this user, in bytes. */
export const freeBytes = async (path: string): Promise<number> => {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

/** Below this, a database and a log can hardly write anything. */
const fewBytes = 512 * 1024

/** Whether hardly any byte, or no file, can be added. */
export const isFull = async (path: string): Promise<boolean> => {
  const { bavail, bsize, ffree, files } = await statfs(path)
  // File systems without a limit of files report 0 of 0.
  return bavail * bsize < fewBytes || (files > 0 && ffree === 0)
}

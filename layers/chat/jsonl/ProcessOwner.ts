/** The process that owns turns: it keeps a file locked, so that others see whether it lives. */
import { fileLock, isLocked } from "../../platform/FileLock.ts"
import type { ConversationState } from "../ConversationState.ts"
import type { SegmentFiles } from "./SegmentFiles.ts"

export class ProcessOwner {
  readonly id: string
  readonly #files: SegmentFiles
  readonly #alive: ReturnType<typeof fileLock>
  #isOwner = false

  /** `id`: unique among processes. */
  constructor(id: string, files: SegmentFiles) {
    this.id = id
    this.#files = files
    this.#alive = fileLock(files.ownerPath(id))
  }

  /** Before the first turn of this process. */
  take() {
    if (this.#isOwner) return
    this.#files.makeOwners()
    this.#isOwner = this.#alive.tryLock()
  }

  /** Whether the conversation has a turn of a process that has died. */
  isDead({ owner, running }: ConversationState): boolean {
    return (
      running !== undefined &&
      owner !== this.id &&
      (owner === undefined || !isLocked(this.#files.ownerPath(owner)))
    )
  }

  end() {
    if (this.#isOwner) this.#alive.remove()
    this.#alive.close()
  }
}

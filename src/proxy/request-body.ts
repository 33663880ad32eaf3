import { BodyReader } from './http/body-reader.ts'
import type { RequestHead } from './http/request-head.ts'

/** How much of a body is kept for another attempt, bytes. Linkerd's figure. */
const maxHeldBytes = 65_536

/** A request's body on its way: what was read, and what is kept so that another place can get it too. */
export class RequestBody {
  /** Payload that was read and is kept. */
  held: Buffer[] = []
  /** `held` is all that was read. */
  isWhole = true
  private heldBytes = 0
  private readonly reader: BodyReader | undefined

  constructor(head: RequestHead) {
    this.reader = head.body === 'none' ? undefined : new BodyReader(head.body, head.length)
  }

  get isDone(): boolean {
    return this.reader === undefined || this.reader.done
  }

  get fault(): string | undefined {
    return this.reader?.fault
  }

  get readBytes(): number {
    return this.reader?.readBytes ?? 0
  }

  get trailers(): string {
    return this.reader?.trailers ?? ''
  }

  /** Takes what belongs to the body from the start of `chunk`; payload goes to `out`. The offset after the last byte taken. */
  read(chunk: Buffer, out: Buffer[]): number {
    return this.reader === undefined || this.reader.done ? 0 : this.reader.read(chunk, 0, out)
  }

  /** Keeps payload for another attempt; what has not been sent to anybody yet (`mustHold`) is kept whatever its size. */
  hold(payload: readonly Buffer[], mustHold: boolean): void {
    if (!this.isWhole) return
    for (const slice of payload) this.heldBytes += slice.length
    if (mustHold || this.heldBytes <= maxHeldBytes) this.held.push(...payload)
    else this.letGo()
  }

  /** Nobody will need it again. */
  letGo(): void {
    this.isWhole = false
    this.held = []
  }
}

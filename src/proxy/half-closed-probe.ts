/**
 * A client that has closed its side. A FIN says either "that was all, I wait for the answer" or "I am gone"; only a write tells, which a
 * closed socket answers with a reset. So before the answer has begun, a client of HTTP/1.1 gets one `100 Continue`, which it must skip
 * (RFC 9110 §15.2), in two writes: the first draws the reset, the second meets it. Once the answer flows, its own bytes do the same.
 */

/** A client that is alive answers a probe within this. Milliseconds. */
const probeMs = 50
const probeAgainMs = 5000
const interim = 'HTTP/1.1 100 Continue\r\n'
const interimEnd = '\r\n'

export class HalfClosedProbe {
  private readonly write: (text: string) => void
  private timer: NodeJS.Timeout | undefined
  private isHalfWritten = false

  constructor(write: (text: string) => void) {
    this.write = write
  }

  start(): void {
    this.timer = setTimeout(() => this.step(), probeMs)
  }

  stop(): void {
    clearTimeout(this.timer)
  }

  /** What must be written before anything else, so that a probe is whole; empty nearly always. Ends the probing. */
  end(): string {
    if (this.timer === undefined) return ''
    clearTimeout(this.timer)
    this.timer = undefined
    const tail = this.isHalfWritten ? interimEnd : ''
    this.isHalfWritten = false
    return tail
  }

  private step(): void {
    this.write(this.isHalfWritten ? interimEnd : interim)
    this.isHalfWritten = !this.isHalfWritten
    this.timer = setTimeout(() => this.step(), this.isHalfWritten ? probeMs : probeAgainMs)
  }
}

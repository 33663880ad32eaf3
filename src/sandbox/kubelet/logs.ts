/**
 * The output of one run of a container: its last lines, as many as fit into a bound, and whoever follows it.
 */
export interface LogLine {
  readonly at: Date
  readonly text: string
}

/** Enough for a person's look at a container; a real kubelet turns its files at 10 MiB. */
const maxBytes = 4 << 20
/** A line longer than this is cut into several, as container runtimes do. */
const maxLineLength = 16_384

export class ContainerLog {
  #lines: LogLine[] = []
  #bytes = 0
  #dropped = 0
  #partial = ''
  #isClosed = false
  readonly #followers = new Set<() => void>()

  /** Takes output as it comes, in any pieces. */
  write(chunk: string): void {
    const pieces = (this.#partial + chunk).split('\n')
    this.#partial = pieces.pop() ?? ''
    for (const piece of pieces) this.#push(piece)
    while (this.#partial.length > maxLineLength) {
      this.#push(this.#partial.slice(0, maxLineLength))
      this.#partial = this.#partial.slice(maxLineLength)
    }
    this.#wake()
  }

  /** No more output: followers end. */
  close(): void {
    if (this.#partial !== '') this.#push(this.#partial)
    this.#partial = ''
    this.#isClosed = true
    this.#wake()
  }

  /** The lines so far, the last `tailLines` of them, then with `follow` what comes until the container or the reader ends. */
  async *read(options: { readonly follow: boolean; readonly tailLines?: number | undefined }, signal: AbortSignal): AsyncGenerator<LogLine> {
    const total = this.#dropped + this.#lines.length
    let next = options.tailLines === undefined ? this.#dropped : Math.max(this.#dropped, total - options.tailLines)
    while (!signal.aborted) {
      next = Math.max(next, this.#dropped)
      const line = this.#lines[next - this.#dropped]
      if (line) {
        next += 1
        yield line
      } else if (this.#isClosed || !options.follow) return
      else await this.#change(signal)
    }
  }

  #push(text: string): void {
    this.#lines.push({ at: new Date(), text })
    this.#bytes += text.length
    let excess = 0
    while (this.#bytes > maxBytes && excess < this.#lines.length - 1) {
      this.#bytes -= this.#lines[excess]?.text.length ?? 0
      excess += 1
    }
    if (excess > 0) this.#lines = this.#lines.slice(excess)
    this.#dropped += excess
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#followers.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#followers.add(done)
      signal.addEventListener('abort', done)
    })
  }

  #wake(): void {
    for (const follower of this.#followers) follower()
  }
}

/**
 * Memory for what is on its way to the kernel. A write that the kernel takes at once, as nearly every one, gives its buffer back in the
 * same turn of the loop: a few do for all connections, where a fresh one for each write would grow the process until the collector
 * comes by.
 */

/** A read's worth of payload (64 KiB) with a head before it. */
const bufferBytes = 65_536 + 8192
/** More than that many are let go: it was a burst of slow readers. 576 KiB. */
const maxKept = 8

export interface LentBuffer {
  /** At least as long as was asked for. */
  readonly bytes: Buffer
  /** To be called when the bytes have been written, or never will be. */
  readonly giveBack: (() => void) | undefined
}

const kept: LentBuffer[] = []

/** A buffer for one write of `size` bytes. */
export function lendWriteBuffer(size: number): LentBuffer {
  if (size > bufferBytes) return { bytes: Buffer.allocUnsafeSlow(size), giveBack: undefined }
  return kept.pop() ?? fresh()
}

function fresh(): LentBuffer {
  const lent: LentBuffer = {
    bytes: Buffer.allocUnsafeSlow(bufferBytes),
    giveBack: () => {
      if (kept.length < maxKept) kept.push(lent)
    },
  }
  return lent
}

import { ConnectionError, errorCode } from './wire.ts'

/**
 * How much a client may ask for without using it. Each cheap thing (a reset, a ping, an empty frame) costs; each request that is let
 * live and each frame with bytes in it earns; time earns a little. Ordinary clients never come near; CVE-2023-44487 (rapid reset) and
 * the floods of CVE-2019-9511 to -9518 are a closed connection.
 */
const resetBurst = 1000
const controlBurst = 10_000
/** Leave to send more may come so often for each frame with data that we sent. Envoy's figure; an honest peer gives two, for stream and connection. */
const updatesPerFrame = 10
/** Per second; Node's and nghttp2's rate for resets. */
const resetsPerSecond = 33
const controlsPerSecond = 500

export class FloodGuard {
  private resets = resetBurst
  private controls = controlBurst
  private paidFrames = 0
  private at: number

  /** `now` is any steady clock, milliseconds. */
  constructor(now: number) {
    this.at = now
  }

  /** The peer has reset a stream before its end. */
  onReset(now: number): void {
    this.resets -= 1
    if (this.resets < 0) this.refill(now)
    if (this.resets < 0) throw new ConnectionError(errorCode.enhanceYourCalm, 'too many streams were reset')
  }

  /** A frame that carries nothing for a stream. */
  onControl(now: number): void {
    this.controls -= 1
    if (this.controls < 0) this.refill(now)
    if (this.controls < 0) throw new ConnectionError(errorCode.enhanceYourCalm, 'too many frames carry nothing')
  }

  /** The peer lets us send more. `sentFrames`: with data, since the beginning of the connection. */
  onWindowUpdate(now: number, sentFrames: number): void {
    this.controls = Math.min(controlBurst, this.controls + updatesPerFrame * (sentFrames - this.paidFrames))
    this.paidFrames = sentFrames
    this.onControl(now)
  }

  onStreamEnd(): void {
    if (this.resets < resetBurst) this.resets += 1
  }

  onPayload(): void {
    if (this.controls < controlBurst) this.controls += 2
  }

  private refill(now: number): void {
    const seconds = (now - this.at) / 1000
    this.at = now
    this.resets = Math.min(resetBurst, this.resets + seconds * resetsPerSecond)
    this.controls = Math.min(controlBurst, this.controls + seconds * controlsPerSecond)
  }
}

/**
 * Finds the end of a body and takes its payload out, for both directions. Strict about chunks (RFC 9112 §7.1): sizes are hex
 * digits alone, extensions are bounded and thrown away, because parsers disagree about where they end.
 *
 * Chunked: size → (extension) → size-lf → data → data-cr → data-lf → size … → trailer → end
 */
import { FieldLines } from './field-lines.ts'
import { ownPrefix } from './hop-by-hop.ts'

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer'

/** 13 hex digits are 52 bits: every size is a safe integer. */
const maxSizeDigits = 13
const maxTrailerFields = 64

/** Fields that mean something about framing, routing or identity: in a trailer they come too late to be believed (RFC 9110 §6.5.1). */
const forbiddenInTrailers = new Set([
  'transfer-encoding',
  'content-length',
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
  'trailer',
  'expect',
  'max-forwards',
  'cache-control',
  'authorization',
  'proxy-authorization',
  'proxy-authenticate',
  'www-authenticate',
  'cookie',
  'set-cookie',
  'content-type',
  'content-encoding',
  'content-range',
  'age',
  'via',
  'forwarded',
])

export class BodyReader {
  /** The last byte has been read. */
  done = false
  /** Why this is no body; nothing more is read then. */
  fault: string | undefined
  /** Payload bytes that were read. */
  readBytes = 0
  /** Trailer lines to pass on, each with its CRLF. */
  trailers = ''
  private readonly kind: 'length' | 'chunked' | 'close'
  private state: State = 'size'
  private remaining: number
  private digits = 0
  private extraBytes = 0
  private trailerText = ''
  private readonly maxExtraBytes: number

  /**
   * `length` counts for kind `length` alone. `close`: everything is payload, and the caller knows the end. `maxExtraBytes`: all
   * extensions and trailers of the message, each; CVE-2024-22019 was the lack of this.
   */
  constructor(kind: 'length' | 'chunked' | 'close', length: number, maxExtraBytes: number) {
    this.kind = kind
    this.maxExtraBytes = maxExtraBytes
    this.remaining = kind === 'length' ? length : 0
    this.done = kind === 'length' && length === 0
  }

  /** Takes what belongs to the body from `chunk`, starting at `from`; adds payload to `out`. The offset after the last byte taken. */
  read(chunk: Buffer, from: number, out: Buffer[]): number {
    if (this.kind === 'chunked') return this.readChunked(chunk, from, out)
    const size = this.kind === 'close' ? chunk.length - from : Math.min(this.remaining, chunk.length - from)
    if (size > 0) this.take(chunk, from, size, out)
    if (this.kind === 'length') {
      this.remaining -= size
      this.done = this.remaining === 0
    }
    return from + size
  }

  private take(chunk: Buffer, from: number, size: number, out: Buffer[]): void {
    out.push(from === 0 && size === chunk.length ? chunk : chunk.subarray(from, from + size))
    this.readBytes += size
  }

  private readChunked(chunk: Buffer, from: number, out: Buffer[]): number {
    let at = from
    while (at < chunk.length && !this.done && this.fault === undefined) {
      if (this.state === 'data') {
        const size = Math.min(this.remaining, chunk.length - at)
        this.take(chunk, at, size, out)
        this.remaining -= size
        at += size
        if (this.remaining === 0) this.state = 'data-cr'
      } else {
        this.step(chunk[at] ?? 0)
        at += 1
      }
    }
    return at
  }

  /** One byte of what is not payload. */
  private step(byte: number): void {
    switch (this.state) {
      case 'size':
        return this.stepSize(byte)
      case 'extension':
        this.extraBytes += 1
        if (byte === 13) this.state = 'size-lf'
        else if ((byte < 32 && byte !== 9) || byte === 127) this.fault = 'bad chunk extension'
        else if (this.extraBytes > this.maxExtraBytes) this.fault = 'chunk extensions are too long'
        return
      case 'size-lf':
        if (byte !== 10) this.fault = 'bad chunk size'
        else this.state = this.remaining === 0 ? 'trailer' : 'data'
        this.digits = 0
        return
      case 'data-cr':
        if (byte === 13) this.state = 'data-lf'
        else this.fault = 'a chunk is longer than its size'
        return
      case 'data-lf':
        if (byte === 10) this.state = 'size'
        else this.fault = 'a chunk is longer than its size'
        return
      case 'trailer':
        return this.stepTrailer(byte)
      case 'data':
        return
    }
  }

  private stepSize(byte: number): void {
    const digit = hexDigit(byte)
    if (digit >= 0) {
      this.digits += 1
      this.remaining = this.remaining * 16 + digit
      if (this.digits > maxSizeDigits) this.fault = 'bad chunk size'
    } else if (this.digits === 0) this.fault = 'bad chunk size'
    else if (byte === 13) this.state = 'size-lf'
    else if (byte === 59) this.state = 'extension'
    else this.fault = 'bad chunk size'
  }

  private stepTrailer(byte: number): void {
    this.trailerText += String.fromCharCode(byte)
    if (byte !== 10) {
      if (this.trailerText.length > this.maxExtraBytes) this.fault = 'trailers are too long'
      return
    }
    if (this.trailerText === '\r\n') this.done = true
    else if (this.trailerText.endsWith('\r\n\r\n')) this.endTrailers()
    else if (!this.trailerText.endsWith('\r\n')) this.fault = 'a trailer does not end in CRLF'
  }

  private endTrailers(): void {
    const lines = new FieldLines()
    const fault = lines.scan(this.trailerText, 0, maxTrailerFields)
    if (fault) {
      this.fault = fault.reason
      return
    }
    for (let index = 0; index < lines.count; index += 1) {
      const name = lines.name(index).toLowerCase()
      if (isForbiddenInTrailers(name)) lines.drop(index)
    }
    this.trailers = lines.kept()
    this.done = true
  }
}

/** Whether a trailer of this name is not passed on. */
export const isForbiddenInTrailers = (lowerName: string): boolean => forbiddenInTrailers.has(lowerName) || lowerName.startsWith(ownPrefix) || lowerName.startsWith('x-forwarded-')

/** 0–15, or −1. */
function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 0x20
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

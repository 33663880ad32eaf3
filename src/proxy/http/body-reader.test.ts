import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BodyReader } from './body-reader.ts'

interface Read {
  readonly payload: string
  readonly trailers: string
  readonly isDone: boolean
  readonly fault: string | undefined
  /** Bytes after the end. */
  readonly rest: string
}

/** Reads `text` in pieces of the given sizes. */
function read(reader: BodyReader, text: string, sizes: Iterator<number>): Read {
  const bytes = Buffer.from(text, 'latin1')
  let payload = ''
  let at = 0
  while (at < bytes.length && !reader.done && reader.fault === undefined) {
    const chunk = bytes.subarray(at, at + (sizes.next().value ?? bytes.length))
    const out: Buffer[] = []
    at += reader.read(chunk, 0, out)
    payload += Buffer.concat(out).toString('latin1')
  }
  return { payload, trailers: reader.trailers, isDone: reader.done, fault: reader.fault, rest: text.slice(at) }
}

const whole = function* (): Generator<number> {
  for (;;) yield 1_000_000
}
const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 7 }))
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString('latin1'))
const chunk = fc.record({
  data: bytes.filter((data) => data.length > 0),
  extension: fc.constantFrom('', ';a', ';a=b', ';a="b;c"', ';\t x'),
  isUpper: fc.boolean(),
  zeros: fc.integer({ min: 0, max: 4 }),
})
const trailer = fc.constantFrom('', 'X-Sum: 1\r\n', 'A: b\r\nC: d\r\n')
const encode = (chunks: readonly { readonly data: string; readonly extension: string; readonly isUpper: boolean; readonly zeros: number }[], trailers: string): string =>
  `${chunks
    .map(({ data, extension, isUpper, zeros }) => {
      const hex = data.length.toString(16)
      return `${'0'.repeat(zeros)}${isUpper ? hex.toUpperCase() : hex}${extension}\r\n${data}\r\n`
    })
    .join('')}0\r\n${trailers}\r\n`

describe('a chunked body', () => {
  it('is read back, however it was chunked and cut, and nothing after it is touched', () =>
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 6 }), trailer, fc.string({ maxLength: 5, unit: 'binary-ascii' }), sizes, (chunks, trailers, rest, cuts) => {
        expect(read(new BodyReader('chunked', 0, 16_384), encode(chunks, trailers) + rest, cuts)).toEqual({
          payload: chunks.map(({ data }) => data).join(''),
          trailers,
          isDone: true,
          fault: undefined,
          rest,
        })
      }),
    ))

  it('is never done before its last byte', () =>
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 4 }), trailer, (chunks, trailers) => {
        const text = encode(chunks, trailers)
        for (let length = 0; length < text.length; length += 1) {
          expect(read(new BodyReader('chunked', 0, 16_384), text.slice(0, length), whole())).toMatchObject({ isDone: false, fault: undefined })
        }
      }),
      { numRuns: 30 },
    ))

  it('says the same about any bytes at all, however they were cut', () =>
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('0', '1', 'a', 'F', ';', '\r', '\n', ' ', ':', 'x'), maxLength: 30 }), sizes, (text, cuts) => {
        const expected = read(new BodyReader('chunked', 0, 16_384), text, whole())
        const actual = read(new BodyReader('chunked', 0, 16_384), text, cuts)
        expect([actual.payload, actual.isDone, actual.fault]).toEqual([expected.payload, expected.isDone, expected.fault])
      }),
      { numRuns: 500 },
    ))
})

describe('a body with a length', () => {
  it('ends after that many bytes', () =>
    fc.assert(
      fc.property(bytes, bytes, sizes, (body, rest, cuts) => {
        expect(read(new BodyReader('length', body.length, 0), body + rest, cuts)).toMatchObject({ payload: body, isDone: true, rest })
      }),
    ))
})

describe('a body without framing', () => {
  it('ends with its connection alone', () =>
    fc.assert(
      fc.property(bytes, sizes, (body, cuts) => {
        expect(read(new BodyReader('close', 0, 0), body, cuts)).toMatchObject({ payload: body, isDone: false })
      }),
    ))
})

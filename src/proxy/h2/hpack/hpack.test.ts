import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'
import { field } from './field.ts'
import { decodeHuffman } from './huffman.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const list = (decoder: HpackDecoder, bytes: Buffer): readonly string[] | undefined => decoder.decode(bytes, 100_000)?.fields.map(({ name, value }) => `${name}: ${value}`)

describe('reading header blocks', () => {
  it('gives the lists of RFC 7541 C.3, table included', () => {
    const decoder = new HpackDecoder()
    const first = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com']
    expect(list(decoder, hex('8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d'))).toEqual(first)
    expect(list(decoder, hex('8286 84be 5808 6e6f 2d63 6163 6865'))).toEqual([...first, 'cache-control: no-cache'])
    expect(list(decoder, hex('8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65'))).toEqual([':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'])
  })

  it('gives the lists of RFC 7541 C.4, in Huffman’s code', () => {
    const decoder = new HpackDecoder()
    expect(list(decoder, hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'))).toEqual([':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'])
    expect(list(decoder, hex('8286 84be 5886 a8eb 1064 9cbf'))?.at(-1)).toBe('cache-control: no-cache')
  })

  it('evicts as RFC 7541 C.5 does', () => {
    const decoder = new HpackDecoder()
    const setSize = '3fe1 01' // 256
    expect(list(decoder, hex(`${setSize} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`))).toHaveLength(4)
    expect(list(decoder, hex('4803 3330 37c1 c0bf'))).toEqual([':status: 307', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', 'location: https://www.example.com'])
  })

  it.each([
    ['an index that is in no table', 'be'],
    ['index 0', '80'],
    ['a string that is cut', '4005 6162'],
    ['an integer without an end', '7f80 8080 8080 8001'],
    ['a table larger than allowed', '3fe2 1f'],
    ['a change of size after a field', '8220'],
    ['padding that is too long', '4001 61 82 ffff'],
    ['the end-of-string symbol', '4001 61 84 ffff ffff'],
  ])('refuses %s', (_case, bytes) => expect(list(new HpackDecoder(), hex(bytes))).toBeUndefined())

  it('goes on after a list that is too large: the table is right', () => {
    const decoder = new HpackDecoder()
    expect(decoder.decode(hex('4001 6101 62'), 10)).toEqual({ fields: [], isTooLarge: true })
    expect(list(decoder, hex('be'))).toEqual(['a: b'])
  })

  it('keeps the mark of what no table may keep', () => expect(new HpackDecoder().decode(hex('1001 6101 62'), 100)?.fields[0]?.isSensitive).toBe(true))

  it('never fails in another way, whatever the bytes', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        new HpackDecoder().decode(Buffer.from(bytes), 1000)
        decodeHuffman(Buffer.from(bytes), 0, bytes.length)
      }),
    ))
})

describe('what was written', () => {
  const text = fc.string({ unit: fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 })
  const name = fc.constantFrom('a', 'b', ':path', 'cookie', 'grpc-timeout', 'x-long-name-of-a-field')
  const fields = fc.array(fc.record({ name, value: fc.oneof(text, fc.constantFrom('x', 'y', '')), isSensitive: fc.boolean() }), { maxLength: 20 })

  it('is read as it was, by a decoder that saw all blocks before it, whatever the sizes of its table', () =>
    fc.assert(
      fc.property(fc.array(fc.record({ fields, tableBytes: fc.option(fc.integer({ min: 0, max: 5000 })) }), { maxLength: 12 }), (blocks) => {
        const encoder = new HpackEncoder()
        const decoder = new HpackDecoder()
        for (const { fields: list, tableBytes } of blocks) {
          if (tableBytes !== null) encoder.setTableBytes(tableBytes)
          const written = list.map((one) => field(one.name, one.value, one.isSensitive))
          const read = decoder.decode(Buffer.from(encoder.encode(written)), 1e6)
          expect(read?.fields.map(({ key, isSensitive }) => [key, isSensitive])).toEqual(written.map(({ key, isSensitive }) => [key, isSensitive]))
        }
      }),
    ))

  it('is one byte for a field the second time, and never in the table where it is sensitive', () => {
    const encoder = new HpackEncoder()
    const path = field(':path', '/service/method')
    encoder.encode([path])
    expect(encoder.encode([path])).toHaveLength(1)
    const secret = field('authorization', 'secret', true)
    encoder.encode([secret])
    expect(encoder.encode([secret]).length).toBeGreaterThan(6)
  })
})

import { describe, expect, it } from 'vitest'
import { field } from './hpack/field.ts'
import { grpcStatusIn, readRequestTrailers, readTrailers } from './trailers.ts'

type Names = readonly string[] | undefined

describe('trailers of HTTP/2', () => {
  const read = (reader: typeof readTrailers, trailers: readonly (readonly [string, string])[]): Names => reader(trailers.map(([name, value]) => field(name, value)))?.map(({ name }) => name)

  it.each<[what: string, trailers: readonly (readonly [string, string])[], ofResponse: Names, ofRequest: Names]>([
    ['without anything special go on', [['x-checksum', 'a'], ['grpc-status', '0']], ['x-checksum', 'grpc-status'], ['x-checksum', 'grpc-status']],
    ['with a pseudo-header are none', [['x-checksum', 'a'], [':status', '200']], undefined, undefined],
    ['with a capital are none', [['X-Checksum', 'a']], undefined, undefined],
    ['with a line break are none', [['x-checksum', 'a\r\nb: c']], undefined, undefined],
    ['with a field of a connection are none', [['connection', 'x-checksum'], ['x-checksum', 'a']], undefined, undefined],
    ['lose what only sidecars may speak', [['x-kinglet-service-time', '1'], ['x-checksum', 'a']], ['x-checksum'], ['x-checksum']],
    ['of a request lose what comes too late to be believed', [['authorization', 'late'], ['x-forwarded-for', '9.9.9.9'], ['host', 'other'], ['x-checksum', 'a']], ['authorization', 'x-forwarded-for', 'host', 'x-checksum'], ['x-checksum']],
    ['may be empty', [], [], []],
  ])('%s', (_what, trailers, ofResponse, ofRequest) => {
    expect(read(readTrailers, trailers)).toEqual(ofResponse)
    expect(read(readRequestTrailers, trailers)).toEqual(ofRequest)
  })

  it('say how a call ended, if it was one', () => {
    expect(grpcStatusIn([field('x-checksum', '7'), field('grpc-status', '13')])).toBe('13')
    expect(grpcStatusIn([field('grpc-message', '13')])).toBeUndefined()
  })
})

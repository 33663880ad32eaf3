import { constants } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Outcome } from '../../api/protocol.ts'
import { until } from '../testing/until.ts'
import { sayGrpc } from './testing/http2-app.ts'
import { grpcHead, request } from './testing/http2-client.ts'
import { startTwoSidecars, type TwoSidecars } from './testing/two-sidecars.ts'

describe('a gRPC call through two sidecars', () => {
  let pair: TwoSidecars
  beforeEach(async () => {
    pair = await startTwoSidecars()
  })
  afterEach(() => pair.close())

  it.each<[status: string, outcome: Outcome]>([
    ['0', '2xx'],
    ['1', '4xx'],
    ['2', '5xx'],
    ['4', '5xx'],
    ['5', '4xx'],
    ['7', '4xx'],
    ['8', '4xx'],
    ['12', '4xx'],
    ['13', '5xx'],
    ['14', '5xx'],
    ['15', '5xx'],
    ['16', '4xx'],
    ['', '5xx'],
  ])('grpc-status "%s" counts as %s', async (status, outcome) => {
    pair.v2Answer = status === '' ? (stream) => { stream.respond({ ':status': 200, 'content-type': 'application/grpc' }); stream.end() } : sayGrpc(status)
    await request(pair.client, grpcHead(), 'x')
    expect(await pair.primary.count('canary', 'weight', outcome)).toBe(1)
  })

  it('a caller’s deadline is passed on; one that the canary lets pass is charged to it', async () => {
    pair.v2Answer = () => undefined
    const stream = pair.client.request(grpcHead({ 'grpc-timeout': '50m' }), { endStream: true })
    stream.on('error', () => undefined)
    await until('the call', () => pair.v2.heads.length === 1)
    expect(pair.v2.heads[0]?.['grpc-timeout']).toBe('50m')
    const startedAt = performance.now()
    await until('the deadline', () => performance.now() - startedAt > 60)
    stream.close(constants.NGHTTP2_CANCEL)
    await expect.poll(() => pair.primary.count('canary', 'weight', 'timeout')).toBe(1)
  })

  it('a server that calls it cancelled when the time is up has let it pass; before, it is the caller’s affair', async () => {
    let answer: () => void = () => undefined
    pair.v2Answer = (stream) => (answer = () => sayGrpc('1')(stream))
    const call = async (timeout: string, waitMs: number): Promise<unknown> => {
      const seen = pair.v2.heads.length
      const ended = request(pair.client, grpcHead({ 'grpc-timeout': timeout }))
      await until('the call', () => pair.v2.heads.length === seen + 1)
      const startedAt = performance.now()
      await until('the time', () => performance.now() - startedAt >= waitMs)
      answer()
      return (await ended).headers
    }
    await call('100m', 100)
    await call('1H', 0)
    await expect.poll(() => pair.primary.count('canary', 'weight', 'timeout')).toBe(1)
    await expect.poll(() => pair.primary.count('canary', 'weight', '4xx')).toBe(1)
  })

  it('a caller that forgets its own deadline is told', async () => {
    pair.v2Answer = () => undefined
    const answer = await request(pair.client, grpcHead({ 'grpc-timeout': '1m' }))
    expect(answer.headers['grpc-status']).toBe('4')
    expect(await pair.primary.count('canary', 'weight', 'timeout')).toBe(1)
  })
})

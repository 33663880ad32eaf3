import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tricks, type Trick } from '../../src/proxy/testing/corpus.ts'
import { openClient } from '../../src/proxy/testing/raw-client.ts'
import { startSidecar, type Sidecar } from './lib/sidecar.ts'
import { startTap, type Tap } from './lib/tap.ts'
import { upstreams, type Upstream } from './lib/upstreams.ts'

const limits = ['--head-timeout-ms', '200', '--body-timeout-ms', '200', '--continue-timeout-ms', '50', '--linger-ms', '100', '--response-timeout-ms', '5000']
const probe = (index: number): string => `GET /probe/${index} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n`

describe.concurrent.each(Object.entries(upstreams))('%s behind the sidecar', (_name, startUpstream) => {
  let upstream: Upstream
  let tap: Tap
  let sidecar: Sidecar
  beforeAll(async () => {
    upstream = await startUpstream()
    tap = await startTap(upstream.port)
    sidecar = await startSidecar(tap.port, limits)
  })
  afterAll(async () => {
    await sidecar.stop()
    tap.close()
    await upstream.stop()
  })

  const send = async (text: string): Promise<string> => {
    const client = await openClient(sidecar.route)
    client.send(text)
    const received = await client.hearsEnd()
    client.socket.destroy()
    return received
  }
  /** Requests that the sidecar has taken for such and brought to an end. */
  const seen = async (): Promise<number> => (await sidecar.stats()).requests.reduce((sum, { count }) => sum + count, 0)

  /** What is wrong after one trick, or nothing. */
  const play = async ({ name, text }: Trick, index: number): Promise<string | undefined> => {
    const [seenBefore, answersBefore] = [await seen(), tap.answers()]
    // What the connection can still take is asked last, so that its end is the end of the trick.
    const received = await send(text + probe(index))
    // Another client, very likely on the same upstream connection, must get its own answer.
    const next = await send(probe(index + 10_000))
    if (!next.startsWith('HTTP/1.1 200') || !next.includes(`/probe/${index + 10_000}`)) return `${name}: the next client got ${JSON.stringify(next.slice(0, 300))}`
    const answers = tap.answers() - answersBefore
    const requests = (await seen()) - seenBefore
    // A body that turned out to be none, or did not come, breaks a request off that the app has seen the beginning of: it may have answered.
    const brokenOff = /x-kinglet-error: (?:bad-body|body-timeout)/.test(received) || received === '' ? 1 : 0
    return answers < requests || answers > requests + brokenOff ? `${name}: ${answers} answers of the app to ${requests} requests; the client sent ${JSON.stringify(text)} and got ${JSON.stringify(received.slice(0, 600))}` : undefined
  }

  it('sees the requests that the sidecar sees, whatever trick is played', async () => {
    const wrong: string[] = []
    for (const [index, trick] of tricks.entries()) {
      const found = await play(trick, index)
      if (found !== undefined) wrong.push(found)
    }
    expect(wrong).toEqual([])
    // The corpus is no string of refusals: many of its texts are requests.
    expect(tap.answers()).toBeGreaterThan(tricks.length * 1.2)
  }, 300_000)
})

import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { printMessage } from '../api/codec.ts'
import { streamPath, streamProtocol, type UpMessage } from '../api/protocol.ts'
import { createAuthority, issueLeaf, type KeyedCertificate } from '../certs/issue.ts'
import { AppError } from '../base/errors.ts'
import { VirtualClock } from '../kube/virtual-clock.testkit.ts'
import type { Session } from './hub.ts'
import { startStreamServer, type StreamServer } from './stream-server.ts'
import { createTokenReviewer } from './tokens.ts'

const day = 86_400_000
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const hello = (pod: string): UpMessage => ({ type: 'hello', namespace: 'shop', pod, bootId: 'b', version: '1' })

describe('the stream server', () => {
  let authority: KeyedCertificate
  let server: StreamServer
  const joined: Session[] = []
  const left: string[] = []
  const heard: UpMessage[] = []

  beforeAll(async () => {
    authority = await createAuthority({ validMs: day, now: Date.now() })
    const certificate = await issueLeaf(authority, { names: ['localhost'], validMs: day, now: Date.now() })
    const hub = {
      join: (session: Session) => {
        joined.push(session)
        session.send('{"type":"ping"}\n')
        return () => void left.push(session.pod)
      },
      hear: (_session: Session, message: UpMessage) => void heard.push(message),
    }
    const identify = (token: string) => {
      if (token === 'outage') return Promise.reject(new AppError('UNAVAILABLE', 'away'))
      return Promise.resolve(token.startsWith('pod-') ? { namespace: 'shop', pod: token.slice(4) } : undefined)
    }
    server = await startStreamServer({ port: 0, certificate, identify, hub, log: quiet })
  })
  afterAll(() => server.stop())

  /** Asks for a stream and writes `lines`; resolves with the status and what came until the server ended it or `until` was seen. */
  function talk(token: string | undefined, lines: readonly string[], until = '\n', path = streamPath, protocol = streamProtocol): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: 'localhost', port: server.port, servername: 'localhost', ca: authority.certPem, minVersion: 'TLSv1.3' })
      let answer = ''
      const finish = (): void => {
        socket.destroy()
        const [head = '', text = ''] = answer.split('\r\n\r\n')
        resolve({ status: Number(head.split(' ')[1] ?? 0), text })
      }
      socket.on('secureConnect', () => {
        socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${token === undefined ? '' : `Authorization: Bearer ${token}\r\n`}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`)
        for (const line of lines) socket.write(line)
      })
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString()
        if (answer.split('\r\n\r\n')[1]?.includes(until)) finish()
      })
      socket.on('error', reject)
      socket.on('close', finish)
    })
  }

  it('lets a sidecar speak for the pod that its token belongs to, and answers', async () => {
    const ack: UpMessage = { type: 'ack', generation: 7 }
    const answer = await talk('pod-a', [printMessage(hello('a')), printMessage(ack)])
    expect(answer).toEqual({ status: 101, text: '{"type":"ping"}\n' })
    await expect.poll(() => heard).toContainEqual(ack)
    expect(joined.at(-1)).toMatchObject({ namespace: 'shop', pod: 'a' })
    await expect.poll(() => left).toContain('a')
  })

  it.each([
    ['no token', undefined, streamPath, 401],
    ['a token that the API server does not know', 'forged', streamPath, 401],
    ['an API server that is away: the sidecar is to come again', 'outage', streamPath, 503],
    ['another path', 'pod-a', '/v2', 404],
  ])('refuses %s', async (_name, token, path, status) => {
    const before = joined.length
    expect((await talk(token, [], '\n', path)).status).toBe(status)
    expect(joined).toHaveLength(before)
  })

  it('answers what is no request for a stream', async () => {
    expect((await talk('pod-a', [], '\n', streamPath, 'websocket')).status).toBe(404)
  })

  it.each([
    ['that speaks for another pod', [printMessage(hello('b'))]],
    ['that does not begin with a hello', [printMessage({ type: 'ack', generation: 1 })]],
    ['that sends what is no JSON', ['nonsense\n']],
  ])('ends a stream %s', async (_name, lines) => {
    const before = joined.length
    await talk('pod-a', lines)
    expect(joined).toHaveLength(before)
  })

  it('ends a stream that reports in the name of another start', async () => {
    const report = (bootId: string): UpMessage => ({ type: 'report', bootId, seq: 1, generation: 0, ageMs: 0, series: [], clientAborted: 0, proxyErrors: 0 })
    await talk('pod-a', [printMessage(hello('a')), printMessage(report('b')), printMessage(report('c'))], 'never')
    expect(heard.filter(({ type }) => type === 'report')).toEqual([report('b')])
  })

  it('serves new connections with a new certificate', async () => {
    const other = await createAuthority({ validMs: day, now: Date.now() })
    server.setCertificate(await issueLeaf(other, { names: ['localhost'], validMs: day, now: Date.now() }))
    const distrusted = await talk('pod-a', [printMessage(hello('a'))]).catch(() => ({ status: 0 }))
    expect(distrusted.status).toBe(0)
    authority = other
    expect((await talk('pod-a', [printMessage(hello('a'))])).status).toBe(101)
  })
})

describe('a reviewed token', () => {
  const answer = (change: object = {}) => ({
    status: { authenticated: true, audiences: ['kinglet.sh/controller'], user: { username: 'system:serviceaccount:shop:default', extra: { 'authentication.kubernetes.io/pod-name': ['web-1'] } }, ...change },
  })
  const reviewer = (respond: () => Promise<object>) => {
    const clock = new VirtualClock()
    let asked = 0
    const review = createTokenReviewer({ create: async () => ((asked += 1), JSON.parse(JSON.stringify(await respond())) as ReturnType<typeof answer>) }, clock)
    return { clock, review, asked: () => asked }
  }

  it('tells its pod, and is believed for a minute', async () => {
    const { review, clock, asked } = reviewer(() => Promise.resolve(answer()))
    expect(await review('t')).toEqual({ namespace: 'shop', pod: 'web-1' })
    await clock.advance(59_000)
    await review('t')
    expect(asked()).toBe(1)
    await clock.advance(2000)
    await review('t')
    expect(asked()).toBe(2)
  })

  it.each([
    ['is not authenticated', { authenticated: false }],
    ['is for somebody else', { audiences: ['https://kubernetes.default.svc'] }],
    ['is bound to no pod', { user: { username: 'system:serviceaccount:shop:default' } }],
    ['is a person’s', { user: { username: 'jane', extra: { 'authentication.kubernetes.io/pod-name': ['web-1'] } } }],
  ])('that %s tells nothing', async (_name, change) => expect(await reviewer(() => Promise.resolve(answer(change))).review('t')).toBeUndefined())

  it('waits its turn where a thousand come at once', async () => {
    let [atOnce, most] = [0, 0]
    const { review, asked } = reviewer(async () => {
      atOnce += 1
      most = Math.max(most, atOnce)
      await Promise.resolve()
      atOnce -= 1
      return answer()
    })
    const identities = await Promise.all(Array.from({ length: 1000 }, (_none, index) => review(`token ${index}`)))
    expect(identities.every((identity) => identity?.pod === 'web-1')).toBe(true)
    expect([asked(), most]).toEqual([1000, 50])
  })

  it('is asked for again after a failure', async () => {
    let isAway = true
    const { review } = reviewer(() => (isAway ? Promise.reject(new AppError('UNAVAILABLE', 'away')) : Promise.resolve(answer())))
    await expect(review('t')).rejects.toThrow('away')
    isAway = false
    expect(await review('t')).toBeDefined()
  })
})

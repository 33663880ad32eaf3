import { describe, expect, it } from 'vitest'
import { parseCanary } from '../api/canary.ts'
import { initialStatus, type CanaryStatus } from '../api/canary-status.ts'
import { affinityOf, stickyHashOf, withSessionCookies } from './session-cookies.ts'

const sessionAffinity = { cookieName: 'flagger-cookie', primaryCookieName: 'primary-cookie', domain: 'shop.example', httpOnly: true, maxAge: 3600, partitioned: true, path: '/app', sameSite: 'Strict', secure: true }
const canaryWith = (affinity: object | undefined, status: CanaryStatus) => {
  const raw = { metadata: { name: 'web', namespace: 'shop', uid: 'u1' }, spec: { targetRef: { name: 'web' }, analysis: { interval: '90s', stepWeight: 10, ...(affinity ? { sessionAffinity: { ...affinity } } : {}) } } }
  return { ...parseCanary(raw), status }
}
const at = (runGeneration: number, generation: number, canaryWeight: number, before: CanaryStatus = initialStatus): CanaryStatus => {
  const status = { ...before, canaryWeight, kinglet: { ...before.kinglet, generation, runGeneration } }
  return withSessionCookies(canaryWith(sessionAffinity, status), status)
}

describe('the cookies of a run', () => {
  const first = at(3, 4, 10)
  const second = at(3, 5, 20, first)

  it('have Flagger’s form', () => {
    expect(first.sessionAffinityCookie).toMatch(/^flagger-cookie=[a-zA-Z]{10}$/)
    expect(first.primarySessionAffinityCookie).toMatch(/^primary-cookie=[a-zA-Z]{10}$/)
    expect(first.previousSessionAffinityCookie).toBeUndefined()
  })

  it('hold users of the canary for the run and users of the primary for a step', () => {
    expect(second.sessionAffinityCookie).toBe(first.sessionAffinityCookie)
    expect(second.primarySessionAffinityCookie).not.toBe(first.primarySessionAffinityCookie)
  })

  it('are the same for a controller that takes over', () => expect(at(3, 5, 20)).toEqual(second))

  it('end with the weight; the canary’s is remembered until the next run has its own, and after', () => {
    const ended = at(3, 6, 0, second)
    expect(ended).toMatchObject({ previousSessionAffinityCookie: first.sessionAffinityCookie })
    expect(ended.sessionAffinityCookie).toBeUndefined()
    expect(ended.primarySessionAffinityCookie).toBeUndefined()
    expect(at(3, 7, 0, ended)).toMatchObject({ previousSessionAffinityCookie: first.sessionAffinityCookie })
    const next = at(8, 9, 10, ended)
    expect(next.sessionAffinityCookie).not.toBe(first.sessionAffinityCookie)
    expect(next.previousSessionAffinityCookie).toBe(first.sessionAffinityCookie)
  })

  it('go with the field', () => expect(withSessionCookies(canaryWith(undefined, second), second)).not.toHaveProperty('sessionAffinityCookie'))
})

describe('what the sidecars are told', () => {
  const running = at(3, 4, 10, { ...initialStatus, previousSessionAffinityCookie: 'flagger-cookie=old' })
  const attributes = '; Domain=shop.example; HttpOnly; Partitioned; Path=/app; SameSite=Strict; Secure'

  it('has every attribute in Flagger’s order; the primary’s cookie lives for an interval, the one of before is taken back', () =>
    expect(affinityOf(canaryWith(sessionAffinity, running))).toEqual({
      canary: { name: 'flagger-cookie', value: running.sessionAffinityCookie?.slice(15), setCookie: `${running.sessionAffinityCookie}; Max-Age=3600${attributes}` },
      primary: { name: 'primary-cookie', value: running.primarySessionAffinityCookie?.slice(15), setCookie: `${running.primarySessionAffinityCookie}; Max-Age=90${attributes}` },
      previous: { name: 'flagger-cookie', value: 'old', setCookie: `flagger-cookie=old; Max-Age=-1${attributes}` },
    }))

  it('has Flagger’s defaults, and a path', () =>
    expect(affinityOf(canaryWith({ cookieName: 'c' }, running))?.canary?.setCookie).toBe(`${running.sessionAffinityCookie}; Max-Age=86400; Path=/`))

  it('is nothing without the field', () => expect(affinityOf(canaryWith(undefined, running))).toBeUndefined())

  it('is a hash with another seed for each run', () => {
    const raw = { metadata: { uid: 'u1' }, spec: { analysis: { stickyHash: { header: 'X-User' } } } }
    const inRun = (runGeneration: number) => stickyHashOf({ ...parseCanary(raw), status: { ...initialStatus, kinglet: { ...initialStatus.kinglet, runGeneration } } })
    expect(inRun(3)).toEqual({ key: { by: 'header', name: 'x-user' }, seed: 'u1/3' })
    expect(inRun(4)?.seed).not.toBe(inRun(3)?.seed)
  })
})

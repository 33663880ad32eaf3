import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tricks } from '../../src/proxy/testing/corpus.ts'
import { seeded } from './mutate.ts'
import { RequestFuzz } from './requests.ts'
import { ResponseFuzz } from './responses.ts'

// The same mutations in every run; `npm run fuzz -- --seconds N` makes others.
describe('whatever bytes a client sends', () => {
  let fuzz: RequestFuzz
  beforeAll(async () => {
    fuzz = await RequestFuzz.start(seeded(1))
  })
  afterAll(() => fuzz.stop())

  it.each([
    ['each trick of the corpus', async () => void (await Promise.all(tricks.map(({ text }, index) => fuzz.visit(text, index))))],
    ['mutations of them', () => fuzz.round(1500)],
  ])('%s: what goes on is read alike by a second parser, and every connection ends', async (_what, play) => {
    await play()
    await fuzz.settle()
    expect(fuzz.findings).toEqual([])
    expect(fuzz.forwarded).toBeGreaterThan(100)
  }, 120_000)
})

describe('whatever bytes an app sends', () => {
  it('the client gets one answer that a second parser can read, or a reset', async () => {
    const fuzz = await ResponseFuzz.start(seeded(1))
    await fuzz.round(1000)
    await fuzz.settle()
    await fuzz.stop()
    expect(fuzz.findings).toEqual([])
  }, 120_000)
})

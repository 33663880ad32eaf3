import { describe, expect, it } from 'vitest'
import { ContainerLog } from './logs.ts'

const read = async (log: ContainerLog, options: { follow?: boolean; tailLines?: number } = {}) => {
  const lines: string[] = []
  for await (const line of log.read({ follow: false, ...options }, new AbortController().signal)) lines.push(line.text)
  return lines
}

describe('the log of a container', () => {
  it('joins pieces to lines', async () => {
    const log = new ContainerLog()
    for (const piece of ['on', 'e\ntwo\nth', 'ree']) log.write(piece)
    expect(await read(log)).toEqual(['one', 'two'])
    log.close()
    expect(await read(log)).toEqual(['one', 'two', 'three'])
  })

  it('gives the last lines', async () => {
    const log = new ContainerLog()
    log.write('1\n2\n3\n')
    expect(await read(log, { tailLines: 2 })).toEqual(['2', '3'])
    expect(await read(log, { tailLines: 0 })).toEqual([])
  })

  it('goes on for those who follow, until it is closed', async () => {
    const log = new ContainerLog()
    log.write('1\n')
    const following = read(log, { follow: true })
    log.write('2\n')
    log.close()
    expect(await following).toEqual(['1', '2'])
  })

  it('ends for a follower who leaves', async () => {
    const left = new AbortController()
    const lines = new ContainerLog().read({ follow: true }, left.signal)
    const next = lines.next()
    left.abort()
    expect((await next).done).toBe(true)
  })

  it('forgets the oldest lines beyond its bound', async () => {
    const log = new ContainerLog()
    for (let index = 0; index < 1000; index += 1) log.write(`${String(index).padEnd(10_000, '.')}\n`)
    const lines = await read(log)
    expect(lines.at(-1)).toMatch(/^999/)
    expect(lines.length).toBeGreaterThan(300)
    expect(lines.length).toBeLessThan(430)
  })
})

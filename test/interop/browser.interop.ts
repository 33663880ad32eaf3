import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startSidecar, type Sidecar } from './lib/sidecar.ts'
import { pictures, startWebApp, type WebApp } from './lib/web-app.ts'

let app: WebApp
let sidecar: Sidecar
let browser: Browser
let page: Page
let origin: string
beforeAll(async () => {
  app = await startWebApp()
  sidecar = await startSidecar(app.port)
  origin = `http://127.0.0.1:${sidecar.route}`
  // As root there is no sandbox for its own processes; it sees pages of ours alone.
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking'] })
})
afterAll(async () => {
  await browser.close()
  await sidecar.stop()
  app.close()
})
beforeEach(async () => {
  page = await browser.newPage()
  await page.goto(origin)
  return () => page.close()
})

/** Requests recorded so far, but for those that still go on. */
const recorded = async (): Promise<number> => {
  const { requests } = await sidecar.stats()
  return requests.reduce((sum, { count }) => sum + count, 0)
}

describe('Chromium', () => {
  it('shows a page with two dozen pictures, asked for over its parallel connections', async () => {
    const loaded = await page.evaluate('({ widths: Array.from(document.images, (image) => image.naturalWidth), hasRun, margin: getComputedStyle(document.images[0]).margin })')
    expect(loaded).toEqual({ widths: Array.from({ length: pictures }, () => 30), hasRun: true, margin: '1px' })
    expect((await sidecar.stats()).openConnections).toBeGreaterThan(1)
  })

  it('loads it again and again, and each request reaches the app once', async () => {
    for (let round = 0; round < 5; round += 1) await page.reload()
    // The browser asks for the icon when it likes.
    await expect.poll(async () => (await recorded()) - app.paths.length, { timeout: 20_000 }).toBe(0)
    expect(app.paths.filter((path) => path === '/').length).toBeGreaterThanOrEqual(6)
  })

  it('asks whether what it keeps is still fresh', async () => {
    const get = (): Promise<string> => page.evaluate(async () => (await fetch('/cached')).text())
    expect(await get()).toBe('fresh')
    expect(await get()).toBe('fresh')
    const { requests } = await sidecar.stats()
    expect(requests.find(({ outcome }) => outcome === '3xx')?.count).toBe(1)
  })

  it('hears each server-sent event when it is sent, and its going reaches the app', async () => {
    await page.evaluate(() => {
      const events = new EventSource('/events')
      const heard: string[] = []
      events.addEventListener('message', ({ data }) => heard.push(String(data)))
      Object.assign(globalThis, { heard })
    })
    for (const event of ['first', 'second', 'third']) {
      await app.emit(event)
      // Nothing more is sent until this one is there.
      await page.waitForFunction((last) => (globalThis as unknown as { heard: string[] }).heard.at(-1) === last, event)
    }
    await page.close()
    await app.streamsGone()
  })

  it('speaks by WebSocket: a megabyte there and back, then a close with its code', async () => {
    const outcome = await page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url)
          socket.binaryType = 'arraybuffer'
          const sent = new Uint8Array(1_048_576).map((_, n) => n % 251)
          let isSame = false
          socket.addEventListener('open', () => socket.send(sent))
          socket.addEventListener('message', ({ data }) => {
            isSame = new Uint8Array(data as ArrayBuffer).every((byte, n) => byte === sent[n])
            socket.close(4321, 'enough')
          })
          socket.addEventListener('close', ({ code, wasClean }) => resolve({ isSame, code, wasClean }))
        }),
      `${origin.replace('http', 'ws')}/socket`,
    )
    expect(outcome).toEqual({ isSame: true, code: 4321, wasClean: true })
  })

  it('uploads several files at once', async () => {
    const answers = await page.evaluate(() => Promise.all([1, 2, 3, 4].map(async (n) => (await fetch('/upload', { method: 'POST', body: new Blob([new Uint8Array(n * 700_001)]) })).text())))
    expect(answers).toEqual([1, 2, 3, 4].map((n) => `POST ${n * 700_001}`))
  })

  it('gives requests up, and the next are answered', async () => {
    const answers = await page.evaluate(async () => {
      const ends: string[] = []
      for (let n = 0; n < 8; n += 1) {
        const abort = new AbortController()
        const asked = fetch('/never', { signal: abort.signal, cache: 'no-store' }).catch((error: unknown) => ends.push((error as Error).name))
        await fetch(`/before-the-abort-${n}`)
        abort.abort()
        await asked
      }
      return { ends, last: await (await fetch('/after')).text() }
    })
    expect(answers).toEqual({ ends: Array.from({ length: 8 }, () => 'AbortError'), last: 'GET 0' })
  })
})

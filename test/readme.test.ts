import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bothTracksAnnotation, canaryAnnotation, proxyAnnotations, replicasAnnotation, settingAnnotations } from '../src/api/keys.ts'
import { proxySettings } from '../src/api/proxy-settings.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
/** The sidecar's stand in a table without their common prefix, and where they are told together without their beginning. */
const short = (key: string): string => key.replace('kinglet.sh/proxy-', '')

describe('README.md', () => {
  it.each([canaryAnnotation, bothTracksAnnotation, replicasAnnotation, ...Object.values(settingAnnotations)])('names the annotation %s', (key) => expect(readme).toContain(`\`${key}`))

  it.each([...proxySettings.map(({ key }) => key), ...Object.values(proxyAnnotations)])('names the annotation %s of the pod template', (key) =>
    expect([`\`${key}\``, `\`${short(key)}\``, `\`-${short(key)}\``].some((text) => readme.includes(text))).toBe(true))
})

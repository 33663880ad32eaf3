import { describe, expect, it } from 'vitest'
import { AppError } from '../base/errors.ts'
import { createLogger } from '../runtime/log.ts'
import { tellOfFailedLook } from './controller.ts'

const levelOf = (error: unknown): unknown => {
  const lines: string[] = []
  tellOfFailedLook(createLogger('debug', {}, (line) => void lines.push(line)), 'shop/web', error, 200)
  return (JSON.parse(lines[0] ?? '{}') as { level?: unknown }).level
}

describe('a look that failed and is tried again', () => {
  it('is no warning where somebody else has written meanwhile', () => {
    expect([new AppError('CONFLICT', 'the object has been modified'), new AppError('ALREADY_EXISTS', 'services "web" already exists')].map(levelOf)).toEqual(['info', 'info'])
  })
  it('is one where the cluster refuses', () => {
    expect(levelOf(new AppError('FORBIDDEN', 'canaries is forbidden'))).toBe('warn')
  })
})

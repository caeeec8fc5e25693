import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { downloadedImage } from '../../src/glance/downloaded-image.ts'
import { IMAGE } from './stand-in-glance.ts'

test('only a plain GET for the data of an image is a download; all else is for Glance to understand', () => {
  equal(downloadedImage('GET', `/v2/images/${IMAGE}/file`), IMAGE)
  equal(downloadedImage('GET', `/v2.16/images/${IMAGE}/file`), IMAGE)
  const others = [
    ['HEAD', `/v2/images/${IMAGE}/file`],
    ['PUT', `/v2/images/${IMAGE}/file`],
    ['GET', `/v2/images/${IMAGE}`],
    ['GET', `/v2/images/${IMAGE}/file?a=b`],
    ['GET', `/v2/images/${IMAGE}/file/`],
    ['GET', `/v2/images/${IMAGE.toUpperCase()}/file`],
    ['GET', `//v2/images/${IMAGE}/file`],
    ['GET', `/v1/images/${IMAGE}/file`],
    ['GET', `http://glance/v2/images/${IMAGE}/file`],
  ] as const
  for (const [method, url] of others) equal(downloadedImage(method, url), undefined, url)
})

// What stands where a screen comes, while its part of the UI or what it is about is loaded.
import { useMatches } from '@tanstack/react-router'
import { useContext } from 'react'
import { Mark } from '~/ui/Icon'
import { Framed, Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { crumbsOf } from './Topbar'

/** Pending stands in for a screen, or for a part of one whose frame is there. */
export function Pending() {
  const framed = useContext(Framed)
  const title = useMatches().flatMap(crumbsOf).at(-1)?.label
  if (framed) return <Panel><SkeletonRows /></Panel>
  return (
    <div className="mx-auto w-full max-w-6xl px-4 pt-6 sm:px-6">
      {title ? <h1 className="mb-4 text-2xl wrap-anywhere">{title}</h1> : <Skeleton className="mb-4 h-8 w-64 max-w-full" />}
      <Panel><SkeletonRows /></Panel>
    </div>
  )
}

/** Opening is the frame of all screens before it is known who looks. */
export function Opening() {
  return (
    <div className="min-h-screen lg:pl-60">
      <div className="fixed inset-y-0 left-0 hidden w-60 border-r border-line bg-surface lg:block">
        <div className="flex h-13 items-center border-b border-line px-4.5"><Mark size={24} /></div>
      </div>
      <div className="h-13 border-b border-line bg-surface" />
      <main aria-busy="true" aria-label="Plumbline" className="mx-auto w-full max-w-6xl px-4 pt-6 sm:px-6">
        <Skeleton className="mb-4 h-8 w-64 max-w-full" />
        <Panel><SkeletonRows /></Panel>
      </main>
    </div>
  )
}

export { libraryErrors } from './errors.ts'
export { createLibrary, type Library, type LibraryDeps, type LibraryOptions } from './library.ts'

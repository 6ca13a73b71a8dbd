// The panel of a training.
export function start() {}
export function read() {}
export function write() { return {}; }
export function show() {}
export function hide() {}

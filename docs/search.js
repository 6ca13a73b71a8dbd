// The search where pages are files: a browser starts no worker there, so what the worker
// would run runs in a frame that is not seen.

if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = inside.document.createElement("script");
      script.src = address;
      this.ready = new Promise((resolve) => script.addEventListener("load", resolve));
      inside.document.body.append(script);
      this.postMessage = async (data) => {
        await this.ready;
        inside.dispatchEvent(new MessageEvent("message", { data }));
      };
    }
  };
}

/* Stand-in for the gateway's browser script. Card and account fields live in a frame of this script's own origin; the
   page that includes it never sees a number. Works under a content security policy without 'unsafe-inline'. */
(function () {
  "use strict";
  var ORIGIN = new URL(document.currentScript.src).origin;
  var UNREACHABLE =
    "We are experiencing issues connecting to our payments provider. You have not been charged. Please check your internet connection and try again.";
  var counter = 0;

  function IntegrationError(message) {
    var error = new Error(message);
    error.name = "IntegrationError";
    return error;
  }

  function setStyle(node, styles) {
    Object.keys(styles).forEach(function (name) {
      node.style[name] = styles[name];
    });
  }

  function Emitter() {
    this.handlers = {};
  }
  Emitter.prototype.on = function (name, handler) {
    (this.handlers[name] = this.handlers[name] || []).push(handler);
    return this;
  };
  Emitter.prototype.once = function (name, handler) {
    var self = this;
    return this.on(name, function wrapped(event) {
      self.off(name, wrapped);
      handler(event);
    });
  };
  Emitter.prototype.off = function (name, handler) {
    this.handlers[name] = (this.handlers[name] || []).filter(function (one) {
      return handler && one !== handler;
    });
    return this;
  };
  Emitter.prototype.emit = function (name, event) {
    (this.handlers[name] || []).slice().forEach(function (handler) {
      handler(event);
    });
  };

  /* One frame of our origin and the conversation with it: only its window, only its origin. */
  function Frame(path, title) {
    var self = this;
    this.id = "sandboxFrame" + ++counter;
    this.waiting = {};
    this.queue = [];
    this.open = false;
    this.onMessage = function () {};
    this.node = document.createElement("iframe");
    this.node.name = this.id;
    this.node.title = title;
    this.node.setAttribute("allow", "payment *");
    this.node.setAttribute("scrolling", "no");
    this.node.src = ORIGIN + path + (path.indexOf("?") < 0 ? "?" : "&") + "origin=" + encodeURIComponent(location.origin);
    setStyle(this.node, { border: "0", display: "block", width: "100%", colorScheme: "light only", background: "transparent" });
    this.listener = function (event) {
      if (event.origin !== ORIGIN || event.source !== self.node.contentWindow || !event.data || !event.data.sandbox) return;
      self.receive(event.data);
    };
    window.addEventListener("message", this.listener);
  }
  Frame.prototype.receive = function (message) {
    if (message.type === "hello") {
      this.open = true;
      this.onMessage(message);
      this.queue.splice(0).forEach(this.post, this);
    } else if (message.type === "response") {
      var done = this.waiting[message.id];
      delete this.waiting[message.id];
      if (done) done(message.result);
    } else {
      this.onMessage(message);
    }
  };
  Frame.prototype.post = function (message) {
    if (!this.open) return void this.queue.push(message);
    message.sandbox = true;
    this.node.contentWindow.postMessage(message, ORIGIN);
  };
  Frame.prototype.ask = function (type, payload) {
    var self = this;
    return new Promise(function (resolve) {
      var id = self.id + "-" + ++counter;
      self.waiting[id] = resolve;
      self.post({ type: type, id: id, payload: payload });
    });
  };
  Frame.prototype.close = function () {
    window.removeEventListener("message", this.listener);
    if (this.node.parentNode) this.node.parentNode.removeChild(this.node);
  };

  function PaymentElement(elements, options) {
    Emitter.call(this);
    this.elements = elements;
    this.options = options || {};
    this.frame = null;
  }
  PaymentElement.prototype = Object.create(Emitter.prototype);
  PaymentElement.prototype.mount = function (target) {
    var place = typeof target === "string" ? document.querySelector(target) : target;
    if (!place) throw IntegrationError("The selector you specified (" + target + ") applies to no DOM elements that are currently on the page.");
    this.unmount();
    var self = this;
    var frame = (this.frame = new Frame("/js/frame", "Secure card payment input frame"));
    setStyle(frame.node, { height: "164px", minHeight: "0", margin: "-4px", width: "calc(100% + 8px)", transition: "height .2s" });
    frame.onMessage = function (message) {
      if (message.type === "hello") {
        var settings = self.elements.settings;
        frame.open = true;
        frame.post({
          type: "init",
          payload: {
            key: self.elements.key,
            clientSecret: settings.clientSecret,
            locale: settings.locale || self.elements.locale,
            appearance: settings.appearance || {},
            fonts: settings.fonts || [],
            options: self.options,
          },
        });
      } else if (message.type === "resize") {
        frame.node.style.height = message.height + "px";
      } else {
        self.emit(message.type, Object.assign({ elementType: "payment" }, message.event));
      }
    };
    frame.node.addEventListener("error", function () {
      self.emit("loaderror", { elementType: "payment", error: { type: "api_connection_error", message: "The frame did not load." } });
    });
    this.timer = setTimeout(function () {
      if (!frame.open && self.frame === frame) {
        self.emit("loaderror", { elementType: "payment", error: { type: "api_connection_error", message: "The payment form did not load." } });
      }
    }, 15000);
    place.textContent = "";
    place.classList.add("StripeElement");
    place.appendChild(frame.node);
    this.place = place;
    return this;
  };
  PaymentElement.prototype.unmount = function () {
    clearTimeout(this.timer);
    if (this.frame) this.frame.close();
    if (this.place) this.place.classList.remove("StripeElement");
    this.frame = null;
  };
  PaymentElement.prototype.destroy = function () {
    this.unmount();
    this.handlers = {};
    this.elements.element = null;
  };
  PaymentElement.prototype.update = function (options) {
    Object.assign(this.options, options);
    if (this.frame) this.frame.post({ type: "update", payload: { options: this.options } });
  };
  ["focus", "blur", "clear", "collapse"].forEach(function (name) {
    PaymentElement.prototype[name] = function () {
      if (this.frame) {
        if (name === "focus") this.frame.node.focus();
        this.frame.post({ type: name });
      }
    };
  });

  function Elements(key, locale, settings) {
    this.key = key;
    this.locale = locale;
    this.settings = Object.assign({}, settings);
    this.element = null;
  }
  Elements.prototype.create = function (type, options) {
    if (type !== "payment") throw IntegrationError("Only the payment element is available here, not " + type + ".");
    if (this.element) throw IntegrationError("Can only create one Element of type payment.");
    return (this.element = new PaymentElement(this, options));
  };
  Elements.prototype.getElement = function (type) {
    return type === "payment" || !type ? this.element : null;
  };
  Elements.prototype.update = function (settings) {
    Object.assign(this.settings, settings);
    if (this.element && this.element.frame) {
      this.element.frame.post({ type: "update", payload: { appearance: this.settings.appearance, locale: this.settings.locale } });
    }
  };
  Elements.prototype.submit = function () {
    if (!this.element || !this.element.frame) {
      return Promise.reject(IntegrationError("A payment element must be mounted before elements.submit() is called."));
    }
    return this.element.frame.ask("submit", {});
  };
  Elements.prototype.fetchUpdates = function () {
    return Promise.resolve({});
  };

  /* The bank's page in a dialog. Resolves when the customer has answered or closed it. */
  function showChallenge(url) {
    return new Promise(function (resolve) {
      var before = document.activeElement;
      var overflow = document.body.style.overflow;
      var phone = window.matchMedia("(max-width: 600px)").matches;
      var shade = document.createElement("div");
      setStyle(shade, {
        position: "fixed", inset: "0", zIndex: "2147483647", background: "rgba(9, 14, 26, .55)", display: "flex",
        alignItems: phone ? "stretch" : "center", justifyContent: "center", padding: phone ? "0" : "24px",
      });
      var box = document.createElement("div");
      box.setAttribute("role", "dialog");
      box.setAttribute("aria-modal", "true");
      box.setAttribute("aria-label", "3D Secure");
      setStyle(box, {
        background: "#fff", borderRadius: phone ? "0" : "14px", overflow: "hidden", width: "100%",
        maxWidth: phone ? "none" : "440px", height: phone ? "100%" : "560px", maxHeight: "100%",
        boxShadow: "0 24px 60px rgba(9, 14, 26, .35)",
      });
      var frame = new Frame(url.replace(ORIGIN, "") + "&embedded=1", "3D Secure authentication frame");
      frame.node.setAttribute("scrolling", "auto");
      setStyle(frame.node, { height: "100%" });
      box.appendChild(frame.node);
      shade.appendChild(box);
      document.body.appendChild(shade);
      document.body.style.overflow = "hidden";
      function finish() {
        frame.close();
        shade.parentNode.removeChild(shade);
        document.body.style.overflow = overflow;
        document.removeEventListener("keydown", onKey, true);
        document.removeEventListener("focusin", keepFocus, true);
        if (before && before.focus) before.focus();
        resolve();
      }
      function onKey(event) {
        if (event.key === "Escape") frame.post({ type: "close" });
      }
      function keepFocus(event) {
        if (!box.contains(event.target)) frame.node.focus();
      }
      document.addEventListener("keydown", onKey, true);
      document.addEventListener("focusin", keepFocus, true);
      frame.onMessage = function (message) {
        if (message.type === "hello") {
          frame.node.focus();
          frame.post({ type: "focus" });
        }
        if (message.type === "done") finish();
      };
    });
  }

  function Client(key, options) {
    if (typeof key !== "string" || !key) throw IntegrationError("Please call Stripe() with your publishable key. You used an empty string.");
    if (/^sk_/.test(key)) throw IntegrationError("You should not use your secret key with Stripe.js. Please pass a publishable key instead.");
    this.key = key;
    this.locale = (options && options.locale) || "auto";
  }
  Client.prototype.elements = function (settings) {
    return new Elements(this.key, this.locale, settings);
  };
  Client.prototype.confirmSetup = function (options) {
    return confirm(this, "setup", options);
  };
  Client.prototype.confirmPayment = function (options) {
    return confirm(this, "payment", options);
  };
  /* A payment by a method that is saved already: its id stands in place of fields. */
  ["confirmCardPayment", "confirmSepaDebitPayment", "confirmUsBankAccountPayment"].forEach(function (name) {
    Client.prototype[name] = function (secret, data, options) {
      return confirmSaved(this, secret, data || {}, options || {});
    };
  });
  Client.prototype.verifyMicrodepositsForSetup = function (secret, answer) {
    return send(this, "setup", secret, "verify_microdeposits", answer);
  };
  Client.prototype.retrieveSetupIntent = function (secret) {
    return retrieve(this, "setup", secret);
  };
  Client.prototype.retrievePaymentIntent = function (secret) {
    return retrieve(this, "payment", secret);
  };
  Client.prototype.handleNextAction = function (options) {
    var client = this;
    var kind = kindOf(options.clientSecret);
    return retrieve(client, kind, options.clientSecret).then(function (result) {
      return result.error ? result : follow(client, kind, result[kind + "Intent"], options.clientSecret, {});
    });
  };

  function kindOf(secret) {
    if (typeof secret !== "string" || secret.indexOf("_secret_") < 0) throw IntegrationError("Invalid value for clientSecret: " + secret);
    return secret.indexOf("seti_") === 0 ? "setup" : "payment";
  }

  function answerOf(kind, intent) {
    var answer = {};
    answer[kind + "Intent"] = intent;
    return answer;
  }

  function retrieve(client, kind, secret) {
    var id = secret.split("_secret_")[0];
    var query = new URLSearchParams({ key: client.key, client_secret: secret });
    return fetch(ORIGIN + "/v1/" + kind + "_intents/" + id + "?" + query, { credentials: "omit" })
      .then(function (response) {
        return response.json();
      })
      .then(function (body) {
        return body.error ? { error: body.error } : answerOf(kind, body);
      })
      .catch(function () {
        return { error: { type: "api_connection_error", message: UNREACHABLE } };
      });
  }

  function append(body, prefix, value) {
    if (value === null || value === undefined || value === "") return;
    if (typeof value === "object") {
      Object.keys(value).forEach(function (name) {
        append(body, prefix ? prefix + "[" + name + "]" : name, value[name]);
      });
    } else {
      body.append(prefix, value);
    }
  }

  function send(client, kind, secret, action, params) {
    var id = secret.split("_secret_")[0];
    var body = new URLSearchParams({ key: client.key, client_secret: secret });
    append(body, "", params);
    return fetch(ORIGIN + "/v1/" + kind + "_intents/" + id + "/" + action, { method: "POST", body: body, credentials: "omit" })
      .then(function (response) {
        return response.json();
      })
      .then(function (answer) {
        return answer.error ? { error: answer.error } : answerOf(kind, answer);
      })
      .catch(function () {
        return { error: { type: "api_connection_error", message: UNREACHABLE } };
      });
  }

  function confirmSaved(client, secret, data, options) {
    if (kindOf(secret) !== "payment") throw IntegrationError("Invalid value for clientSecret: it is not a PaymentIntent's.");
    if (data.payment_method && typeof data.payment_method !== "string") {
      throw IntegrationError("Only the id of a saved payment method can be given here; use a payment element for a new one.");
    }
    var params = { use_stripe_sdk: "true", return_url: data.return_url || location.href, payment_method: data.payment_method };
    return send(client, "payment", secret, "confirm", params).then(function (result) {
      if (result.error || options.handleActions === false) return result;
      return follow(client, "payment", result.paymentIntent, secret, {});
    });
  }

  function confirm(client, kind, options) {
    var params = options.confirmParams || {};
    var redirect = options.redirect || "always";
    var secret = options.clientSecret || (options.elements && options.elements.settings.clientSecret);
    if (kind === "payment" && secret && typeof params.payment_method === "string" && redirect === "if_required") {
      return confirmSaved(client, secret, params, {});
    }
    if (!secret) throw IntegrationError("Missing value for " + (kind === "setup" ? "confirmSetup" : "confirmPayment") + " option clientSecret.");
    if (redirect === "always" && !params.return_url) throw IntegrationError("Missing value for confirmParams.return_url.");
    if (!options.elements || !options.elements.element || !options.elements.element.frame) {
      throw IntegrationError("Invalid value for elements: a payment element must be mounted.");
    }
    return options.elements.element.frame
      .ask("confirm", {
        kind: kind,
        clientSecret: secret,
        returnUrl: params.return_url || location.href,
        paymentMethodData: params.payment_method_data || {},
      })
      .then(function (result) {
        if (result.error) return result;
        return follow(client, kind, result.intent, secret, { redirect: redirect, returnUrl: params.return_url });
      });
  }

  /* What comes after confirmation: nothing, a dialog, or another page. */
  function follow(client, kind, intent, secret, options) {
    var always = options.redirect === "always";
    var byBank = intent.next_action && intent.next_action.type === "verify_with_microdeposits";
    if (intent.status !== "requires_action" || byBank) {
      return always ? leave(returnAddress(kind, intent, secret, options.returnUrl, "succeeded")) : Promise.resolve(answerOf(kind, intent));
    }
    var url = ORIGIN + "/js/authenticate/" + intent.id + "?client_secret=" + encodeURIComponent(secret);
    if (always) return leave(url + "&return_url=" + encodeURIComponent(options.returnUrl));
    return showChallenge(url)
      .then(function () {
        return retrieve(client, kind, secret);
      })
      .then(function (result) {
        var now = result[kind + "Intent"];
        if (!now || now.status === "succeeded") return result;
        var problem = kind === "setup" ? now.last_setup_error : now.last_payment_error;
        if (!problem) return result;
        var error = Object.assign({}, problem);
        error[kind + "_intent"] = now;
        return { error: error };
      });
  }

  function returnAddress(kind, intent, secret, target, status) {
    var address = new URL(target, location.href);
    address.searchParams.set(kind + "_intent", intent.id);
    address.searchParams.set(kind + "_intent_client_secret", secret);
    address.searchParams.set("redirect_status", status);
    return address.href;
  }

  function leave(address) {
    location.assign(address);
    return new Promise(function () {});
  }

  window.Stripe = function (key, options) {
    return new Client(key, options);
  };
  window.Stripe.version = "sandbox";
})();

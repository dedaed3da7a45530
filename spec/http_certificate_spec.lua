-- A server that asks its clients for a certificate: collectors of OpenTelemetry often do.
local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"
local sender = require "watchbot.otlp.sender"
local start = require "support.server".start

describe("a client certificate", function()
  local folder, server, url

  local function make(name)
    assert(os.execute(([[openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
      -days 2 -keyout %s/%s.key -out %s/%s.pem -subj /CN=%s \
      -addext subjectAltName=IP:127.0.0.1 2>%s/errors]]):format(folder, name, folder, name, name,
      folder)))
    return folder .. "/" .. name .. ".pem", folder .. "/" .. name .. ".key"
  end

  setup(function()
    folder = os.tmpname()
    assert(os.execute(("rm %s && mkdir %s"):format(folder, folder)))
    local certificate, key = make "server"
    local client, client_key = make "client"
    make "other"
    assert(os.execute(("cat %s %s > %s/both.pem && cp %s %s/copy.pem"):format(client, client_key,
      folder, client, folder)))
    server = start("python3", "spec/support/http_server.py", "127.0.0.1", certificate, key, client)
    url = server.url:gsub("^http", "https")
  end)

  teardown(function()
    server:close()
    os.execute("rm -r " .. folder)
  end)

  local function status(cert_file, key_file)
    local response, _, code
    scheduler.run(function()
      response, _, code = http.request {
        url = url .. "/echo", ca_file = folder .. "/server.pem",
        cert_file = cert_file and folder .. cert_file, key_file = key_file and folder .. key_file,
      }
    end)
    return response and response.status or code
  end

  it("is sent with its key, which may be in the same file", function()
    assert.are.equal(200, status("/client.pem", "/client.key"))
    assert.are.equal(200, status "/both.pem")
  end)

  -- A connection that was kept for another certificate must not serve this request.
  it("that is missing, wrong or cannot be read gets no answer", function()
    assert.are.equal(200, status "/both.pem")
    for _, files in ipairs {
      {}, { "/other.pem", "/other.key" }, { "/copy.pem", "/other.key" }, { "/none.pem" },
      { "/copy.pem" },
    } do
      assert.are_not.equal(200, status(files[1], files[2]))
    end
  end)

  it("needs a certificate for its key", function()
    local ok, err = pcall(status, nil, "/client.key")
    assert.is_false(ok)
    assert.matches("request: 'key_file' needs a 'cert_file'", err, 1, true)
  end)

  it("is what OpenTelemetry's variables name", function()
    local found = require("watchbot.otlp.settings").read(function(name)
      return ({
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = url .. "/echo",
        OTEL_EXPORTER_OTLP_CERTIFICATE = folder .. "/server.pem",
        OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE = folder .. "/client.pem",
        OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY = folder .. "/client.key",
      })[name]
    end)
    local one = assert(sender.new(found.traces, "spans", error))
    scheduler.run(function()
      local response = assert(one:post "{}")
      assert.are.equal(200, response.status)
    end)
  end)
end)

--- chain: a home folder and a chain of credential providers for a spec, in an environment with only
-- the given variables. STS is a function here that records its calls; its signing, XML and network
-- have separate specs.

local credentials = require "watchbot.aws.credentials"

local chain = { calls = {}, folder = nil }

--- Before each test: an empty home folder and no calls of STS.
function chain.open()
  chain.calls, chain.folder = {}, os.tmpname()
  os.remove(chain.folder)
  assert(os.execute("mkdir -p " .. chain.folder .. "/.aws"))
end

function chain.close()
  os.execute("rm -r " .. chain.folder)
end

--- Writes a file next to the shared files; returns its path.
function chain.write(name, text)
  local path = chain.folder .. "/.aws/" .. name
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

-- Answers as STS does, with keys that name the role.
local function sts(operation, parameters, with, region)
  table.insert(chain.calls, { operation, parameters, with and with.access_key, region })
  return { Credentials = { AccessKeyId = "STS-" .. parameters.RoleArn, SecretAccessKey = "hidden",
    SessionToken = "hiddentoken",
    Expiration = "2100-01-01T00:00:00Z" } }
end

--- The provider of credentials in this environment; without the metadata service unless its
--- endpoint is given.
function chain.new(environment, options)
  environment.HOME = chain.folder
  if not environment.AWS_EC2_METADATA_SERVICE_ENDPOINT then
    environment.AWS_EC2_METADATA_DISABLED = "true"
  end
  environment.AWS_METADATA_SERVICE_TIMEOUT = "60"
  environment.AWS_REGION = "eu-west-1"
  options = options or {}
  options.getenv = function(name) return environment[name] end
  options.sts = options.sts or sts
  return assert(credentials.chain(options))
end

--- The access key that is found, and its source.
function chain.found(environment, options)
  local keys = assert(chain.new(environment, options):get())
  return { keys.access_key, keys.source }
end

--- The error when no credentials are found; never with a secret of the specs.
function chain.problem(environment, options)
  local keys, err, code = chain.new(environment, options):get()
  assert(not keys, "there are credentials")
  assert(code == "NoCredentials" or code == "CredentialsUnavailable", code)
  assert(not err:find "hidden" and not err:find "secret body", err)
  return assert(err:match "^no AWS credentials: (.*)", err)
end

return chain

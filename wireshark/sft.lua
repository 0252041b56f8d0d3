-- Wireshark dissector of sft/1 (SPEC 3, 6 to 9) and of the classic system (SPEC 14).
-- It opens nothing: it shows what anyone on the wire can read, and says of the rest that it is sealed.
-- Load: tshark -X lua_script:wireshark/sft.lua. Runs in Lua 5.2 to 5.4, so it has no bit operators.

-- Loaded by -X and from the folder of plugins: once is enough, and twice an error.
if _G.sft_is_loaded then return end
_G.sft_is_loaded = true

local sft = Proto("sft", "Secure file transfer")

local SUITES = { [1] = "aes-256-gcm", [2] = "chacha20-poly1305", [3] = "rsa-oaep" }
local GROUPS = { [1] = "x25519", [2] = "x25519mlkem768" }

local f = {
  kind = ProtoField.string("sft.kind", "Kind of connection"),
  magic = ProtoField.bytes("sft.magic", "Magic"),
  length = ProtoField.uint32("sft.length", "Length (type and body)"),
  type = ProtoField.string("sft.type", "Type"),
  state = ProtoField.string("sft.state", "State before this frame"),
  sealed = ProtoField.bool("sft.sealed", "Sealed"),
  ciphertext = ProtoField.bytes("sft.ciphertext", "Ciphertext and tag"),
  chunk = ProtoField.uint64("sft.chunk", "Chunk"),
  version = ProtoField.uint16("sft.version", "Version"),
  suite = ProtoField.uint16("sft.suite", "Suite", base.DEC, SUITES),
  group = ProtoField.uint16("sft.group", "Group", base.DEC, GROUPS),
  random = ProtoField.bytes("sft.random", "Random"),
  x25519 = ProtoField.bytes("sft.x25519", "X25519 share"),
  kem_key = ProtoField.bytes("sft.kem_key", "ML-KEM-768 encapsulation key"),
  kem_ciphertext = ProtoField.bytes("sft.kem_ciphertext", "ML-KEM-768 ciphertext"),
  chunk_power = ProtoField.uint8("sft.chunk_power", "Chunk size, power of two"),
  session_id = ProtoField.bytes("sft.session_id", "Session id"),
  stripe = ProtoField.uint8("sft.stripe", "Stripe"),
  mac = ProtoField.bytes("sft.mac", "MAC"),
  flags = ProtoField.uint8("sft.flags", "Flags", base.HEX),
  stream_id = ProtoField.bytes("sft.stream_id", "Stream id"),
  first_chunk = ProtoField.uint64("sft.first_chunk", "First chunk"),
  stanzas = ProtoField.uint8("sft.stanzas", "Stanzas (recipients)"),
  kem = ProtoField.uint8("sft.kem", "Key encapsulation", base.DEC, { [1] = "RSA-OAEP" }),
  hint = ProtoField.bytes("sft.hint", "Recipient hint"),
  wrapped_key = ProtoField.bytes("sft.wrapped_key", "Wrapped key"),
  commitment = ProtoField.bytes("sft.commitment", "Commitment"),
  classic_type = ProtoField.string("sft.classic.type", "Classic type"),
  classic_length = ProtoField.uint32("sft.classic.length", "Classic payload length"),
  classic_certificate = ProtoField.string("sft.classic.certificate", "Certificate in clear (PEM)"),
  classic_block = ProtoField.bytes("sft.classic.block", "RSA-OAEP block")
}
sft.fields = f

local e = {
  malformed = ProtoExpert.new("sft.malformed", "Malformed frame", expert.group.MALFORMED, expert.severity.ERROR),
  length = ProtoExpert.new("sft.bad_length", "Impossible length", expert.group.MALFORMED, expert.severity.ERROR),
  order = ProtoExpert.new("sft.out_of_state", "Type out of state", expert.group.SEQUENCE, expert.severity.WARN),
  lost = ProtoExpert.new("sft.not_read", "Not read after an error", expert.group.UNDECODED, expert.severity.NOTE)
}
sft.experts = { e.malformed, e.length, e.order, e.lost }
sft.prefs.port = Pref.uint("TCP port", 0, "Port that always is sft; 0: found by its first bytes")

local KNOWN = {}
for name in ("HELO HELR SECE SECV SECF RSCV RSCI JOIN JOIR RQFL OFFR ACPT STRM RSFL CKPT FINL PING ABRT CLOS CRLN"):gmatch("%u+") do
  KNOWN[name] = true
end
local CLASSIC = { SECE = true, RSCV = true, RSCI = true, RQFL = true, RSFL = true }

local HANDSHAKE_CAP, CONTROL_CAP, CHUNK_CAP = 16384, 65536, 4 + 1048576 + 24
local FINL_LENGTH, CKPT_CAP, CLASSIC_CAP = 44, 533, 4096
local MAGIC = "\137SFT\r\n\26\n"

local function address_of(pinfo) return tostring(pinfo.src) .. " " .. pinfo.src_port end

-- Both directions of a TCP connection have one name. (The field tcp.stream is not there in the first of two passes.)
local function connection_of(pinfo)
  local from, to = address_of(pinfo), tostring(pinfo.dst) .. " " .. pinfo.dst_port
  return from < to and from .. " " .. to or to .. " " .. from
end

-- State after the frames seen so far of a TCP connection, and as it was before each piece: a second pass starts from there.
local connections, before = {}, {}
function sft.init() connections, before = {}, {} end

local function copy(state)
  local new = {}
  for key, value in pairs(state) do new[key] = value end
  return new
end

-- Minimal LEB128 of at most 4 bytes. Gives value and size; nil while bytes are missing; nil and false if it is none.
local function varint(tvb, off)
  local value = 0
  for i = 0, 3 do
    if off + i >= tvb:len() then return nil end
    local byte = tvb(off + i, 1):uint()
    value = value + (byte % 128) * 128 ^ i
    if byte < 128 then
      if byte == 0 and i > 0 then return nil, false end
      return math.floor(value), i + 1
    end
  end
  return nil, false
end

-- The states of SPEC 9, as an onlooker can tell them: [state][who .. type] = next state. i dialled, r answered.
local SESSION = {
  ["start"] = { iHELO = "hello sent", iJOIN = "join sent" },
  ["hello sent"] = { rHELR = "keys: responder's certificate" },
  ["keys: responder's certificate"] = { rSECE = "keys: responder's signature" },
  ["keys: responder's signature"] = { rSECV = "keys: responder's MAC" },
  ["keys: responder's MAC"] = { rSECF = "keys: initiator's certificate" },
  ["keys: initiator's certificate"] = { iSECE = "keys: initiator's signature", iRSCI = "refused" },
  ["keys: initiator's signature"] = { iSECV = "keys: initiator's MAC" },
  ["keys: initiator's MAC"] = { iSECF = "authenticated" },
  ["authenticated"] = { rRSCV = "idle", rRSCI = "refused", iRQFL = "request before RSCV", iOFFR = "request before RSCV" },
  ["request before RSCV"] = { rRSCV = "request sent", rRSCI = "refused" },
  ["refused"] = { iCLOS = "closed", rCLOS = "closed" },
  ["idle"] = { iRQFL = "request sent", iOFFR = "request sent", iCLOS = "closed", rCLOS = "closed" },
  ["request sent"] = { rSTRM = "r streams", rACPT = "start said", rRSCI = "idle" },
  ["start said"] = { iSTRM = "i streams", rSTRM = "r streams", iACPT = "start said", rACPT = "start said", iRSCI = "idle", rRSCI = "idle" },
  ["i streams"] = { iRSFL = "i streams", iFINL = "i sent everything" },
  ["r streams"] = { rRSFL = "r streams", rFINL = "r sent everything" },
  ["i sent everything"] = { rACPT = "idle" },
  ["r sent everything"] = { iACPT = "idle" },
  ["closed"] = { iCLOS = "closed", rCLOS = "closed" },
  ["join sent"] = { rJOIR = "at rest" },
  ["at rest"] = { iRSFL = "i streams on a stripe", rRSFL = "r streams on a stripe", iFINL = "at rest", rFINL = "at rest", iCLOS = "closed", rCLOS = "closed" },
  ["i streams on a stripe"] = { iRSFL = "i streams on a stripe", iFINL = "at rest" },
  ["r streams on a stripe"] = { rRSFL = "r streams on a stripe", rFINL = "at rest" },
  ["pipe: header"] = { iSTRM = "pipe: chunks" },
  ["pipe: chunks"] = { iRSFL = "pipe: chunks", iCKPT = "pipe: chunks", iFINL = "pipe: ended" },
  ["pipe: ended"] = {},
  ["classic: start"] = { iSECE = "classic: certificate shown" },
  ["classic: certificate shown"] = { rRSCV = "classic: accepted", rRSCI = "classic: refused" },
  ["classic: accepted"] = { iRQFL = "classic: asked" },
  ["classic: asked"] = { rRSFL = "classic: asked" },
  ["classic: refused"] = {}
}
local ALWAYS = { PING = true, ABRT = true, CRLN = true }

local function authenticated(state)
  local name = state.name
  return name ~= "start" and name ~= "hello sent" and name ~= "join sent" and not name:find("^keys")
end

-- Largest length of a frame, of this type if it is known already; the length is compared before any more of it is awaited.
local function cap_of(state, type)
  if state.kind == "session" and not authenticated(state) then return HANDSHAKE_CAP end
  if type == nil or type == "RSFL" then return CHUNK_CAP end
  if type == "FINL" then return FINL_LENGTH end
  if type == "CKPT" then return CKPT_CAP end
  return CONTROL_CAP
end

local function step(state, who, type, tree)
  local sort = (SESSION[state.name] or {})[who .. type]
  if sort then state.name = sort return end
  if state.kind == "session" and authenticated(state) and ALWAYS[type] then return end
  if state.kind == "session" and type == "ABRT" and state.name:find("^keys") then return end
  tree:add_proto_expert_info(e.order, type .. " has no place in state \"" .. state.name .. "\"")
end

local HELO_FIELDS = { { "version", 2 }, { "suite", 2 }, { "group", 2 }, { "random" }, { "x25519" }, { "kem_key" }, { "chunk_power", 0 } }
local HELR_FIELDS = { { "version", 0 }, { "suite", 0 }, { "group", 0 }, { "random" }, { "x25519" }, { "kem_ciphertext" } }
local JOIN_FIELDS = { { "session_id" }, { "stripe", 0 }, { "random" }, { "mac" } }

-- One field of a TLV: a list of u16 (2), an integer (0), or bytes. Gives false for a value that can not be one.
local function add_field(tree, spec, value, size)
  local field, width = f[spec[1]], spec[2]
  if width == 2 then
    if size == 0 or size % 2 == 1 then return false end
    for at = 0, size - 2, 2 do
      local entry = tree:add(field, value:range(at, 2))
      local number = value:range(at, 2):uint()
      if number % 16 == 10 and math.floor(number / 256) == number % 256 then entry:append_text(" (GREASE)") end
    end
  elseif width == 0 then
    if size == 0 or size > 2 then return false end
    if size == 2 and (spec[1] == "chunk_power" or spec[1] == "stripe") then return false end
    tree:add(field, value)
  elseif size == 0 then return false
  else tree:add(field, value) end
  return true
end

local function add_tlv(tree, tvb, off, stop, fields)
  local last = 0
  while off < stop do
    local tag = tvb(off, 1):uint()
    local size, used = varint(tvb, off + 1)
    if size == nil or off + 1 + used + size > stop or tag <= last then
      tree:add_proto_expert_info(e.malformed, "the TLV is no encoding")
      return
    end
    local at = off + 1 + used
    local spec = fields[tag]
    local good = spec ~= nil and size > 0 and add_field(tree, spec, tvb(at, size), size)
    if not good and tag < 128 then tree:add_proto_expert_info(e.malformed, "TLV field " .. tag .. " is unknown or has a wrong size") end
    off, last = at + size, tag
  end
end

local function add_header(tree, tvb, off, stop)
  local function take(field, size)
    if off + size > stop then return false end
    local range = tvb(off, size)
    if field then tree:add(f[field], range) end
    off = off + size
    return range
  end
  local function cut() tree:add_proto_expert_info(e.malformed, "the header ends early") end
  for _, part in ipairs({ { "version", 1 }, { "suite", 1 }, { "chunk_power", 1 }, { "flags", 1 }, { "stream_id", 32 }, { "first_chunk", 8 } }) do
    if not take(part[1], part[2]) then return cut() end
  end
  local count = take("stanzas", 1)
  if not count then return cut() end
  for _ = 1, math.min(count:uint(), 64) do
    if not take("kem", 1) or not take("hint", 4) then return cut() end
    local size = take(nil, 2)
    if not size then return cut() end
    if size:uint() > 0 and not take("wrapped_key", size:uint()) then return cut() end
  end
  if not take("commitment", 32) then return cut() end
  tree:add(f.sealed, true):set_generated()
  if off < stop then tree:add(f.ciphertext, tvb(off, stop - off)):append_text(" (chain, metadata, recipients, signature)") end
end

local function add_certificate(tree, pinfo, range)
  local text = range:string()
  tree:add(f.classic_certificate, range)
  local body = text:match("^%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-%s+([%w+/=%s]+)%-%-%-%-%-END CERTIFICATE%-%-%-%-%-%s*$")
  local x509 = DissectorTable.get("media_type"):get_dissector("application/pkix-cert")
  local der = body and ByteArray.new(body:gsub("%s", ""), true):base64_decode()
  if der == nil or der:len() == 0 then
    tree:add_proto_expert_info(e.malformed, "no certificate in PEM")
  elseif x509 ~= nil then
    pcall(function() x509:call(der:tvb("Certificate"), pinfo, tree) end)
  end
end

local function lose(state, tree, expert, text)
  tree:add_proto_expert_info(expert, text)
  state.dead = true
  return 0, text
end

-- Each reader gives the size of what it took and a line about it; 0: nothing that can be read; nil and a count: more is needed.
local function read_classic(tvb, off, pinfo, root, state, who)
  local left = tvb:len() - off
  if left < 8 then return nil, DESEGMENT_ONE_MORE_SEGMENT end
  local type, size = tvb(off, 4):string(), tvb(off + 4, 4):uint()
  if not CLASSIC[type] then return lose(state, root, e.malformed, "no classic type") end
  if size > CLASSIC_CAP then return lose(state, root, e.length, "classic length above 4096") end
  if left < 8 + size then return nil, 8 + size - left end
  local tree = root:add(sft, tvb(off, 8 + size), "Classic " .. type .. ", " .. size .. " bytes")
  tree:add(f.kind, "classic"):set_generated()
  tree:add(f.classic_type, tvb(off, 4))
  tree:add(f.classic_length, tvb(off + 4, 4))
  tree:add(f.state, state.name):set_generated()
  local certificate = type == "SECE" or type == "RSCV"
  tree:add(f.sealed, type == "RQFL" or type == "RSFL"):set_generated()
  if certificate and size > 0 then add_certificate(tree, pinfo, tvb(off + 8, size))
  elseif size > 0 then tree:add(f.classic_block, tvb(off + 8, size)) end
  step(state, who, type, tree)
  return 8 + size, type .. (certificate and " (certificate in clear)" or " [" .. size .. "]")
end

local function read_magic(tvb, off, root, state)
  local left = tvb:len() - off
  if left < 8 then return nil, 8 - left end
  if tvb(off, 8):bytes():raw() ~= MAGIC then return lose(state, root, e.malformed, "the magic is broken") end
  local tree = root:add(sft, tvb(off, 8), "Magic of a one-way stream")
  tree:add(f.kind, "pipe"):set_generated()
  tree:add(f.magic, tvb(off, 8))
  state.name = "pipe: header"
  return 8, "magic"
end

local function add_body(tree, tvb, off, stop, type, state)
  local clear = type == "HELO" and HELO_FIELDS or type == "HELR" and HELR_FIELDS or type == "JOIN" and JOIN_FIELDS
  if clear then
    tree:add(f.sealed, false):set_generated()
    return add_tlv(tree, tvb, off, stop, clear)
  end
  if type == "STRM" and state.kind == "pipe" then return add_header(tree, tvb, off, stop) end
  tree:add(f.sealed, true):set_generated()
  if type == "RSFL" then
    if stop - off < 8 + 16 then return tree:add_proto_expert_info(e.malformed, "a chunk without tag") end
    tree:add(f.chunk, tvb(off, 8))
    off = off + 8
  elseif stop - off < 16 then return tree:add_proto_expert_info(e.malformed, "a record without tag") end
  tree:add(f.ciphertext, tvb(off, stop - off))
end

local function read_frame(tvb, off, root, state, who)
  local left = tvb:len() - off
  local length, used = varint(tvb, off)
  if length == nil and used == false then return lose(state, root, e.length, "no length of sft") end
  if length == nil then return nil, DESEGMENT_ONE_MORE_SEGMENT end
  if length < 4 or length > cap_of(state) then return lose(state, root, e.length, "length " .. length .. " is impossible") end
  if left < used + 4 then return nil, DESEGMENT_ONE_MORE_SEGMENT end
  local type = tvb(off + used, 4):bytes():raw()
  if not KNOWN[type] then return lose(state, root, e.malformed, "no type of sft") end
  if length > cap_of(state, type) then return lose(state, root, e.length, type .. " of " .. length .. " is above its cap") end
  if left < used + length then return nil, used + length - left end
  local tree = root:add(sft, tvb(off, used + length), type .. ", " .. length .. " bytes")
  tree:add(f.kind, state.kind):set_generated()
  tree:add(f.length, tvb(off, used), length)
  tree:add(f.type, tvb(off + used, 4))
  tree:add(f.state, state.name):set_generated()
  add_body(tree, tvb, off + used + 4, off + used + length, type, state)
  step(state, who, type, tree)
  local text = type
  if type == "RSFL" and length >= 12 then text = "RSFL " .. tostring(tvb(off + used + 4, 8):uint64()) end
  return used + length, text .. " [" .. length .. "]"
end

local function read_one(tvb, off, pinfo, root, state)
  local who = state.dialler == address_of(pinfo) and "i" or "r"
  if state.kind == nil then
    if tvb:len() - off < 5 then return nil, DESEGMENT_ONE_MORE_SEGMENT end
    local first = tvb(off, 5):bytes():raw()
    if first:sub(1, 4) == "SECE" then state.kind, state.name = "classic", "classic: start"
    elseif first == MAGIC:sub(1, 5) then state.kind, state.name = "pipe", "pipe: magic"
    else state.kind, state.name = "session", "start" end
  end
  if state.kind == "classic" then return read_classic(tvb, off, pinfo, root, state, who) end
  if state.name == "pipe: magic" then return read_magic(tvb, off, root, state) end
  return read_frame(tvb, off, root, state, who)
end

-- Any port: the first bytes that an sft connection can have, and nothing shorter than can be told from others.
local function begins(tvb)
  if tvb:len() < 9 then return tvb:len() == 8 and tvb(0, 8):bytes():raw() == MAGIC end
  local first = tvb(0, 8):bytes():raw()
  if first == MAGIC then return true end
  if first:sub(1, 4) == "SECE" then return tvb(4, 4):uint() <= CLASSIC_CAP end
  local length, used = varint(tvb, 0)
  if length == nil or length > HANDSHAKE_CAP then return false end
  local type = tvb(used, 4):bytes():raw()
  return type == "HELO" or type == "JOIN"
end

-- Ports are used again: what may be followed by another connection between the same two.
local OVER = { ["closed"] = true, ["refused"] = true, ["pipe: ended"] = true, ["classic: asked"] = true, ["classic: refused"] = true }
local function is_over(state) return state.dead or OVER[state.name] or false end

-- The state before the frame at `off`. On the first pass it is what the frames before have led to; from then on, in whatever order and in whatever pieces packets are shown, it is
-- found by the beginning of the frame, which no other of its side has: its index, its tag or its key share is in it.
local FRAME_MARK = 21
local function state_before(tvb, off, pinfo, state)
  local mark = tvb(off, math.min(FRAME_MARK, tvb:len() - off)):bytes():tohex()
  local key = connection_of(pinfo) .. " " .. address_of(pinfo) .. " " .. mark
  if pinfo.visited then return copy(before[key] or state) end
  if before[key] == nil then before[key] = copy(state) end
  return state
end

-- What a connection has come to, or a new one.
local function current(tvb, pinfo)
  local known = connections[connection_of(pinfo)]
  if known == nil or is_over(known) and begins(tvb) then return { dialler = address_of(pinfo) } end
  return copy(known)
end

function sft.dissector(tvb, pinfo, root)
  if tvb:len() == 0 then return 0 end
  local state = current(tvb, pinfo)
  pinfo.cols.protocol = "sft"
  local off, lines = 0, {}
  while off < tvb:len() do
    state = state_before(tvb, off, pinfo, state)
    if state.dead then break end
    local saved = copy(state)
    local used, said = read_one(tvb, off, pinfo, root, state)
    if used == nil then
      state = saved
      pinfo.desegment_offset, pinfo.desegment_len = off, said
      break
    end
    off = off + used
    lines[#lines + 1] = said
    if state.dead then break end
  end
  if state.dead then
    local rest = root:add(sft, tvb(off), "Not read: " .. (tvb:len() - off) .. " bytes")
    rest:add_proto_expert_info(e.lost)
    if #lines == 0 then lines[1] = "not read" end
    off = tvb:len()
  end
  if not pinfo.visited then connections[connection_of(pinfo)] = state end
  if #lines > 0 then
    local shown = table.concat(lines, ", ", 1, math.min(#lines, 8))
    pinfo.cols.info:set((state.kind or "sft") .. ": " .. shown .. (#lines > 8 and " …" or ""))
    pinfo.cols.info:fence()
  end
  return tvb:len()
end

sft:register_heuristic("tcp", function(tvb, pinfo, root)
  if not begins(tvb) then return false end
  sft.dissector(tvb, pinfo, root)
  pinfo.conversation = sft
  return true
end)

local ports = DissectorTable.get("tcp.port")
local set_port = 0
function sft.prefs_changed()
  if set_port ~= 0 then ports:remove(set_port, sft) end
  set_port = sft.prefs.port
  if set_port ~= 0 then ports:add(set_port, sft) end
end
ports:add_for_decode_as(sft)

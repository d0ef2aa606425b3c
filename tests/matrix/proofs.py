"""
The tests elsewhere that prove rows.

Those of this package are marked with L{row<tests.matrix.marks.row>} instead.
"""

from __future__ import annotations

ASKING = "tests.remoting.test_asking"
CONNECTION = "tests.remoting.test_connection"
ENDPOINTS = "tests.remoting.test_endpoints"
PARTS = "tests.remoting.test_parts"
PROTOCOL = "tests.remoting.test_protocol"
ANSWERING = "tests.remoting.test_answering"
PRODUCER = "tests.sending.test_producer"
CLIENT = "tests.sending.test_client"
OUTGOING = "tests.sending.test_outgoing"
POLICY = "tests.sending.test_policy"
LIMITS = "tests.sending.test_limits"
VALIDATE = "tests.sending.test_validate"
DISCOVERY = "tests.routing.test_discovery"
NAMESERVER = "tests.routing.test_nameserver"
PUBLISHINFO = "tests.routing.test_publishinfo"
SCALE = "tests.integration.test_scale.ManyTests"
TABLE = "tests.routing.test_table"
STEADY = "tests.test_steady"
TLS = "tests.test_tls.HandshakeTests"
FRAMES = "tests.wire.test_frames"
BODIES = "tests.wire.test_bodies"
ADDRESSES = "tests.remoting.test_addresses"
RELAY = "tests.relay"
CHAOS = "tests.chaos.test_chaos.ChaosTests"
DAMAGE = "tests.spool.test_damage.DamageTests"
FAILURES = "tests.spool.test_failures.FailureTests"
FORWARDER = "tests.spool.test_forwarder"
PLACE = "tests.spool.test_place.PlaceTests"
SPOOL = "tests.spool.test_spool"

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "F01": (
        f"{PRODUCER}.RetryTests.test_brokerDown",
        f"{PRODUCER}.RetryTests.test_allDown",
        f"{ENDPOINTS}.ConnectTests.test_refused",
        f"{CONNECTION}.ConnectTests.test_backoff",
    ),
    "F02": (f"{ENDPOINTS}.ConnectTests.test_timeout",),
    "F03": (
        f"{PRODUCER}.RetryTests.test_silence",
        f"{ASKING}.TimeoutTests.test_silentPeerIsDropped",
        f"{ASKING}.TimeoutTests.test_slowPeerIsKept",
    ),
    "F05": (
        f"{ENDPOINTS}.NameTests.test_nothingFound",
        f"{ENDPOINTS}.LookupsTests.test_lastGood",
    ),
    "F06": (
        f"{ENDPOINTS}.NameTests.test_lookupHangs",
        f"{ENDPOINTS}.LookupsTests.test_neverEnds",
    ),
    "F07": (
        f"{ENDPOINTS}.NameTests.test_looksUp",
        f"{ENDPOINTS}.NameTests.test_deadAddress",
        f"{ENDPOINTS}.LookupsTests.test_newAddress",
    ),
    "F08": (
        f"{NAMESERVER}.FailoverTests.test_failures",
        f"{NAMESERVER}.FailoverTests.test_codes",
    ),
    "F09": (
        f"{PRODUCER}.RouteTests.test_knownRoutesOutliveNameServers",
        f"{TABLE}.RefreshTests.test_nobodyAnswers",
        f"{TABLE}.AgeTests.test_ages",
    ),
    "F10": (
        f"{PRODUCER}.RouteTests.test_noNameServer",
        f"{PRODUCER}.RouteTests.test_silentNameServer",
        f"{NAMESERVER}.FailoverTests.test_nobody",
    ),
    "F11": (f"{PRODUCER}.RouteTests.test_nameServerComesBack",),
    "F12": (
        f"{ENDPOINTS}.ConnectTests.test_neverAllowed",
        f"{ENDPOINTS}.ConnectTests.test_allowed",
        f"{ENDPOINTS}.ConnectTests.test_noAddress",
        f"{TABLE}.PublishInfoTests.test_senseless",
    ),
    "F13": (
        f"{DISCOVERY}.BoundTests.test_slow",
        f"{DISCOVERY}.BoundTests.test_huge",
        f"{DISCOVERY}.NonsenseTests.test_redirect",
        f"{DISCOVERY}.NonsenseTests.test_noList",
        f"{DISCOVERY}.LastListTests.test_stays",
    ),
    "F14": (
        f"{TLS}.test_wrongHost",
        f"{TLS}.test_otherAuthority",
        f"{TLS}.test_expired",
        f"{TLS}.test_oldTLS",
    ),
    "F15": (
        f"{TLS}.test_plainText",
        f"{TLS}.test_silent",
        f"{TLS}.test_closedInTheHandshake",
    ),
    "F16": (
        f"{TLS}.test_truncated",
        "tests.test_tls.LaterTests.test_newKeys",
        "tests.test_tls.LaterTests.test_newTickets",
        "tests.test_tls.LaterTests.test_anotherHandshake",
        "tests.test_tls.LaterTests.test_halfAnAnswer",
    ),
    "F17": (
        f"{TLS}.test_noClientCertificate",
        f"{TLS}.test_noClientCertificateLater",
        f"{PROTOCOL}.LostTests.test_lostToTLS",
    ),
    "F18": (
        f"{PARTS}.BackoffTests.test_flapping",
        f"{PARTS}.BackoffTests.test_losses",
        f"{CONNECTION}.ConnectTests.test_flapping",
    ),
    "F20": (
        f"{PROTOCOL}.LostTests.test_lostAtAnyByte",
        f"{PROTOCOL}.LostTests.test_lost",
        f"{ASKING}.PausedTests.test_keptIsNo",
    ),
    "F21": (f"{PROTOCOL}.LostTests.test_lostAtAnyByte",),
    "F22": (
        f"{PROTOCOL}.MalformedTests.test_halfAFrame",
        f"{PROTOCOL}.MalformedTests.test_wholeFrameEndsTheWait",
    ),
    "F23": (
        f"{FRAMES}.LimitTests.test_length",
        f"{PROTOCOL}.MalformedTests.test_malformed",
        "tests.wire.test_gathering.GatheringTests.test_memoryFollowsWhatCame",
    ),
    "F24": (
        f"{FRAMES}.LimitTests.test_headerLength",
        f"{FRAMES}.LimitTests.test_emptyHeader",
    ),
    "F25": (f"{FRAMES}.LimitTests.test_serializeType",),
    "F26": (
        "tests.wire.test_jsonheader.DecodeTests.test_malformed",
        "tests.wire.test_jsonheader.DecodeTests.test_anyJSON",
        "tests.wire.test_headers.ExtFieldsTests.test_notNumeric",
        f"{FRAMES}.LimitTests.test_longHeader",
    ),
    "F27": (
        "tests.wire.test_binaryheader.BinaryHeaderTests.test_malformed",
        f"{FRAMES}.MalformedTests.test_anyHeader",
    ),
    "F28": (
        f"{PROTOCOL}.MalformedTests.test_halfAFrame",
        f"{PROTOCOL}.MalformedTests.test_framesThatFollowEachOther",
        f"{FRAMES}.CopyingTests.test_dripIsLinear",
    ),
    "F30": (
        "tests.test_compression.DecompressTests.test_limit",
        f"{DISCOVERY}.BoundTests.test_compressed",
    ),
    "F30b": (
        f"{ASKING}.PausedTests.test_kept",
        f"{ASKING}.PausedTests.test_keptIsNo",
        f"{ASKING}.PausedTests.test_keptTimesOut",
        f"{ASKING}.PausedTests.test_peerThatDoesNotRead",
        f"{PROTOCOL}.WriteBytesTests.test_bounded",
    ),
    "F31": (
        f"{ASKING}.StrayTests.test_strangers",
        f"{ASKING}.StrayTests.test_rareStrangers",
    ),
    "F32": (f"{ASKING}.StrayTests.test_duplicateIsIgnored",),
    "F33": (f"{ASKING}.StrayTests.test_lateAnswerIsIgnored",),
    "F34": (f"{ASKING}.StrayTests.test_wrongConnection",),
    "F35": (
        f"{ASKING}.StrayTests.test_wrap",
        f"{ASKING}.StrayTests.test_neverCrossed",
        f"{PARTS}.OpaquesTests.test_passesOverTheLive",
    ),
    "F36": (f"{ASKING}.StrayTests.test_responseBitDecides",),
    "F37": (f"{ASKING}.StrayTests.test_answerToOneway",),
    "F38": (
        f"{OUTGOING}.ResultTests.test_unreadableSuccess",
        f"{PRODUCER}.RetryTests.test_unreadableSuccessIsNotSentAgain",
        f"{PRODUCER}.RetryTests.test_anotherQueueIsNotBelieved",
        f"{PRODUCER}.RetryTests.test_anotherQueueIsNotBelievedOfPlainSends",
    ),
    "F39": (
        f"{ANSWERING}.AnsweringTests.test_notSupported",
        f"{ANSWERING}.AnsweringTests.test_onewayGetsNone",
    ),
    "F40": (
        f"{ANSWERING}.AnsweringTests.test_flood",
        f"{ENDPOINTS}.ConnectTests.test_settings",
    ),
    "F41": (
        f"{CLIENT}.InboundTests.test_checksGoToTheGroupOfTheMessage",
        f"{CLIENT}.InboundTests.test_responderThatFails",
    ),
    "F42": (f"{ASKING}.StrayTests.test_answerBeforeTheRequest",),
    "F43": (
        f"{TABLE}.MissingTests.test_forAWhile",
        f"{TABLE}.MissingTests.test_forGood",
    ),
    "F44": (
        f"{PUBLISHINFO}.PlainTopicTests.test_permission",
        f"{PUBLISHINFO}.PlainTopicTests.test_withoutMaster",
        f"{TABLE}.RefreshTests.test_unusable",
    ),
    "F46": (
        f"{PRODUCER}.RetryTests.test_downForAMoment",
        f"{PRODUCER}.RetryTests.test_brokerComesBack",
        f"{PRODUCER}.RetryTests.test_goAway",
    ),
    "F49": (f"{PRODUCER}.RetryTests.test_allDown",),
    "F51": (f"{PRODUCER}.RetryTests.test_lostAfterStoring",),
    "F52": (
        f"{POLICY}.VerdictTests.test_everyAnswer",
        f"{POLICY}.VerdictTests.test_everyNamedCodeIsDecided",
        f"{PRODUCER}.RetryTests.test_busyBrokerIsLeft",
        f"{PRODUCER}.RetryTests.test_finalAnswers",
        f"{PRODUCER}.RetryTests.test_oldBroker",
        f"{PRODUCER}.RetryTests.test_goAwayForEver",
        f"{CONNECTION}.GoAwayTests.test_twice",
    ),
    "F53": (
        f"{OUTGOING}.ResultTests.test_weakStatuses",
        f"{PRODUCER}.RetryTests.test_weakAck",
    ),
    "F54": (
        "tests.test_circuits.CircuitsTests.test_oneProbe",
        "tests.test_circuits.CircuitsTests.test_otherCredentials",
        "tests.test_circuits.SigningTests.test_signedBefore",
    ),
    "F55": (
        "tests.sending.test_windows.WindowsTests.test_half",
        "tests.sending.test_windows.WindowsTests.test_neverBelowOne",
        "tests.sending.test_budget.BudgetTests.test_tenth",
    ),
    "F56": (
        f"{BODIES}.RouteLimitTests.test_body",
        f"{BODIES}.RouteLimitTests.test_queues",
        f"{BODIES}.RouteLimitTests.test_brokers",
        f"{BODIES}.QuoteKeysTests.test_linear",
        f"{PUBLISHINFO}.PlainTopicTests.test_tooMany",
    ),
    "F57": (f"{PRODUCER}.RefusedHereTests.test_notRunning",),
    "F58": (
        f"{PRODUCER}.StopTests.test_isBounded",
        f"{PRODUCER}.StopTests.test_sendsThatRetryAreEnded",
    ),
    "F59": (
        f"{PRODUCER}.CancelTests.test_beforeTheRoute",
        f"{PRODUCER}.CancelTests.test_inFlight",
        f"{PRODUCER}.CancelTests.test_betweenTries",
        f"{PRODUCER}.CancelTests.test_waitingForRoom",
        "tests.remoting.test_fault_cancelled.CancelledTests.test_kept",
        "tests.remoting.test_fault_cancelled.CancelledTests.test_connecting",
    ),
    "F60": (
        f"{LIMITS}.RoomTests.test_writableCallbackMayTakeTheRoom",
        f"{PROTOCOL}.LostTests.test_lostInsideOfAnAnswer",
    ),
    "F61": (
        f"{LIMITS}.RoomTests.test_manyThatEndAtOnce",
        f"{SCALE}.test_gone",
        f"{SCALE}.test_goneInOtherWays",
    ),
    "F62": (
        f"{LIMITS}.RoomTests.test_countsMessages",
        f"{LIMITS}.RoomTests.test_topicsTakeTurns",
        f"{LIMITS}.RoomTests.test_failInsteadOfWaiting",
        f"{SCALE}.test_fail",
        f"{SCALE}.test_wait",
    ),
    "F64": (
        f"{STEADY}.StepTests.test_forward",
        f"{STEADY}.StepTests.test_back",
        f"{STEADY}.StepTests.test_sooner",
        f"{STEADY}.CallTests.test_likeTwisteds",
        f"{STEADY}.WatchTests.test_client",
        "tests.integration.test_steady.StepTests.test_forward",
        "tests.integration.test_steady.StepTests.test_back",
    ),
    "F65": (
        f"{ASKING}.TimeoutTests.test_stalledReactor",
        f"{ASKING}.TimeoutTests.test_stalledReactorEndlessly",
    ),
    "F65b": (
        f"{PRODUCER}.RefusedHereTests.test_afterAFork",
        "tests.wire.test_ids.UniqueIdsTests.test_noTwoAreEqual",
    ),
    "F65d": (
        f"{PRODUCER}.RefusedHereTests.test_invalid",
        f"{VALIDATE}.NameTests.test_illegalTopics",
        f"{VALIDATE}.MessageTests.test_types",
        f"{VALIDATE}.MessageTests.test_separators",
        f"{VALIDATE}.MessageTests.test_reservedProperties",
        f"{VALIDATE}.MessageTests.test_propertiesLength",
        f"{VALIDATE}.MessageTests.test_whatPassesIsReadBack",
        f"{OUTGOING}.BatchTests.test_refused",
    ),
    "F66": (
        f"{CHAOS}.test_killed",
        f"{FORWARDER}.ForwardingTests.test_sameIdAfterARestart",
        f"{SPOOL}.ClaimTests.test_crashBeforeTheAnswer",
    ),
    "F67": (
        f"{DAMAGE}.test_logAfterAKill",
        f"{DAMAGE}.test_flippedBitsOfTheLog",
        f"{DAMAGE}.test_killedInsideOfAFrame",
        f"{DAMAGE}.test_interruptedRecovery",
        f"{DAMAGE}.test_interruptedBeforeTheName",
    ),
    "F69": (
        f"{CHAOS}.test_full",
        f"{FAILURES}.test_limitsOfTheFile",
        f"{FAILURES}.test_roomIsSetAside",
        f"{FAILURES}.test_roomCannotBeSetAside",
        f"{FAILURES}.test_itTriesByItself",
    ),
    "F70": (
        f"{FAILURES}.test_commitFails",
        f"{FAILURES}.test_commitFailsAndIsThere",
        f"{FAILURES}.test_keyOfACommitThatFails",
        f"{FAILURES}.test_numbersOfACommitThatFails",
        f"{FAILURES}.test_fileCannotBeOpened",
    ),
    "F71": (
        f"{CHAOS}.test_damaged",
        f"{DAMAGE}.test_flippedBits",
        f"{DAMAGE}.test_flippedBitsOfALongFile",
        f"{DAMAGE}.test_zeroedPages",
        f"{DAMAGE}.test_truncations",
        f"{DAMAGE}.test_foreignFile",
        f"{DAMAGE}.test_oneRow",
        f"{DAMAGE}.test_numberOfARow",
        "tests.spool.test_schema.SchemaTests.test_later",
        "tests.spool.test_schema.SchemaTests.test_laterAndDamaged",
    ),
    "F72": (
        f"{PLACE}.test_missing",
        f"{PLACE}.test_symbolicLink",
        f"{PLACE}.test_openToOthers",
        f"{PLACE}.test_linkedFiles",
        f"{PLACE}.test_anotherDaemon",
    ),
    "F73": (
        f"{FORWARDER}.RefusedTests.test_illegal",
        f"{FORWARDER}.RefusedTests.test_topicWaits",
    ),
    "F74": (
        f"{FORWARDER}.BackingOffTests.test_backsOff",
        f"{SPOOL}.CountTests.test_limit",
        f"{SPOOL}.ClaimTests.test_room",
    ),
    "F68": (
        f"{RELAY}.test_draining.DrainTests.test_inTime",
        f"{RELAY}.test_draining.DrainTests.test_tooLate",
        f"{RELAY}.test_draining.DrainTests.test_hurry",
    ),
    "F84": (f"{RELAY}.test_jsonlog.JSONLinesTests.test_cannotWrite",),
    "F85": (
        f"{RELAY}.test_service.ReloadTests.test_exchanged",
        f"{RELAY}.test_service.ReloadTests.test_bad",
        f"{RELAY}.test_service.ReloadTests.test_restart",
    ),
    "F87": (
        f"{RELAY}.test_endpoints.ParseTests.test_wrong",
        f"{RELAY}.test_endpoints.GuardTests.test_guarded",
    ),
    "F88": (
        f"{ADDRESSES}.ParseAddressTests.test_bad",
        f"{ADDRESSES}.ParseAddressTests.test_nothingElseHappens",
        f"{ADDRESSES}.AllowedTests.test_neverAllowed",
        f"{ENDPOINTS}.ConnectTests.test_neverAllowed",
    ),
    "F89": (
        "tests.test_errors.BrokerErrorTests.test_peersText",
        "tests.test_errors.LogTests.test_controlCharacters",
        "tests.remoting.test_reasons.LostErrorTests.test_clipped",
        f"{RELAY}.test_jsonlog.JSONLinesTests.test_oneLine",
        f"{RELAY}.test_jsonlog.JSONLinesTests.test_bounded",
        f"{RELAY}.test_jsonlog.JSONLinesTests.test_formats",
    ),
    "F75": (
        "tests.spool.test_backlog.BacklogTests.test_start",
        f"{FORWARDER}.BoundTests.test_manyOfOneKey",
        f"{FORWARDER}.BoundTests.test_window",
    ),
}
"""
For each row, the dotted names of its tests outside of this package.
"""

BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('r0005');
CREATE TABLE audit (
	"key" INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	action TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY ("key")
)
 STRICT

;
INSERT INTO "audit" VALUES(1,1793462400,'duty','save_fleet','ledger','{"cameras":{"added":4},"credentials":0,"townships":{"added":2},"why":"import of ledger.xlsx"}');
INSERT INTO "audit" VALUES(2,1793548800,'duty','save_fleet','ledger','{"cameras":{"changed":1},"credentials":0,"townships":{},"why":"moved"}');
INSERT INTO "audit" VALUES(3,1793462400,'duty','file_exemption','1','{}');
INSERT INTO "audit" VALUES(4,1796918400,'director','keep_snapshot','2026-11','{"reason":"","remark":"","revision":1,"sha256":"0000000000000000000000000000000000000000000000000000000000000000","state":"frozen"}');
CREATE TABLE camera (
	"key" INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	CONSTRAINT pk_camera PRIMARY KEY ("key"), 
	CONSTRAINT uq_camera_id UNIQUE (id)
)
 STRICT

;
INSERT INTO "camera" VALUES(1,'34020000001320000001');
INSERT INTO "camera" VALUES(2,'34020000001320000002');
INSERT INTO "camera" VALUES(3,'34020000001320000003');
INSERT INTO "camera" VALUES(4,'34020000001320000004');
CREATE TABLE camera_version (
	"key" INTEGER NOT NULL, 
	camera INTEGER NOT NULL, 
	township TEXT NOT NULL, 
	valid_from INTEGER NOT NULL, 
	valid_to INTEGER, 
	fields TEXT NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_camera_version PRIMARY KEY ("key"), 
	CONSTRAINT uq_camera_version_camera_valid_from UNIQUE (camera, valid_from), 
	CONSTRAINT fk_camera_version_camera_camera FOREIGN KEY(camera) REFERENCES camera ("key"), 
	CONSTRAINT ck_camera_version_span CHECK (valid_to > valid_from)
)
 STRICT

;
INSERT INTO "camera_version" VALUES(1,1,'01',1793462400,1793548800,'{"id":"34020000001320000001","name":"点位1","township":"01","village":"东村","host":"10.0.0.1","rtsp_port":554,"rtsp_path":"","rtsps":false,"onvif_port":null,"onvif_path":"/onvif/device_service","channel":null,"credential":"","key_point":false,"maker":"","model":"","recorder":"","maintainer":{"name":"","phone":""},"power":{"name":"","phone":""},"network":{"name":"","phone":""},"registration":"in_use","in_service_from":null,"in_service_to":null,"longitude":null,"latitude":null,"extra":{}}','duty','import of ledger.xlsx');
INSERT INTO "camera_version" VALUES(2,2,'01',1793462400,NULL,'{"id":"34020000001320000002","name":"点位2","township":"01","village":"东村","host":"10.0.0.2","rtsp_port":554,"rtsp_path":"","rtsps":false,"onvif_port":null,"onvif_path":"/onvif/device_service","channel":null,"credential":"","key_point":false,"maker":"","model":"","recorder":"","maintainer":{"name":"","phone":""},"power":{"name":"","phone":""},"network":{"name":"","phone":""},"registration":"in_use","in_service_from":"2026-10-20","in_service_to":null,"longitude":null,"latitude":null,"extra":{}}','duty','import of ledger.xlsx');
INSERT INTO "camera_version" VALUES(3,3,'02',1793462400,NULL,'{"id":"34020000001320000003","name":"点位3","township":"02","village":"东村","host":"10.0.0.3","rtsp_port":554,"rtsp_path":"","rtsps":false,"onvif_port":null,"onvif_path":"/onvif/device_service","channel":null,"credential":"","key_point":false,"maker":"","model":"","recorder":"","maintainer":{"name":"","phone":""},"power":{"name":"","phone":""},"network":{"name":"","phone":""},"registration":"in_use","in_service_from":null,"in_service_to":null,"longitude":null,"latitude":null,"extra":{}}','duty','import of ledger.xlsx');
INSERT INTO "camera_version" VALUES(4,4,'02',1793462400,NULL,'{"id":"34020000001320000004","name":"点位4","township":"02","village":"东村","host":"10.0.0.4","rtsp_port":554,"rtsp_path":"","rtsps":false,"onvif_port":null,"onvif_path":"/onvif/device_service","channel":null,"credential":"","key_point":false,"maker":"","model":"","recorder":"","maintainer":{"name":"","phone":""},"power":{"name":"","phone":""},"network":{"name":"","phone":""},"registration":"in_use","in_service_from":null,"in_service_to":null,"longitude":null,"latitude":null,"extra":{}}','duty','import of ledger.xlsx');
INSERT INTO "camera_version" VALUES(5,1,'02',1793548800,NULL,'{"id":"34020000001320000001","name":"点位1","township":"02","village":"东村","host":"10.0.0.1","rtsp_port":554,"rtsp_path":"","rtsps":false,"onvif_port":null,"onvif_path":"/onvif/device_service","channel":null,"credential":"","key_point":false,"maker":"","model":"","recorder":"","maintainer":{"name":"","phone":""},"power":{"name":"","phone":""},"network":{"name":"","phone":""},"registration":"in_use","in_service_from":null,"in_service_to":null,"longitude":null,"latitude":null,"extra":{}}','duty','moved');
CREATE TABLE coverage (
	boot TEXT NOT NULL, 
	began INTEGER NOT NULL, 
	until INTEGER NOT NULL, 
	CONSTRAINT pk_coverage PRIMARY KEY (boot), 
	CONSTRAINT ck_coverage_span CHECK (until >= began)
)
 STRICT

;
INSERT INTO "coverage" VALUES('a',1793462390,1793635200);
CREATE TABLE credential (
	id TEXT NOT NULL, 
	username TEXT NOT NULL, 
	ciphertext BLOB NOT NULL, 
	CONSTRAINT pk_credential PRIMARY KEY (id)
)
 STRICT

;
CREATE TABLE decision (
	"key" INTEGER NOT NULL, 
	camera INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	ruling TEXT NOT NULL, 
	condition TEXT NOT NULL, 
	fault TEXT, 
	since INTEGER NOT NULL, 
	note TEXT NOT NULL, 
	CONSTRAINT pk_decision PRIMARY KEY ("key"), 
	CONSTRAINT fk_decision_camera_camera FOREIGN KEY(camera) REFERENCES camera ("key"), 
	CONSTRAINT ck_decision_ruling CHECK (ruling IN ('confirmed', 'refuted'))
)
 STRICT

;
INSERT INTO "decision" VALUES(1,3,1793462900,'王','confirmed','offline','unreachable',1793462500,'');
CREATE TABLE event (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	place TEXT NOT NULL, 
	township TEXT NOT NULL, 
	began INTEGER NOT NULL, 
	ended INTEGER, 
	cameras TEXT NOT NULL, 
	"of" INTEGER NOT NULL, 
	CONSTRAINT pk_event PRIMARY KEY (id), 
	CONSTRAINT ck_event_span CHECK (ended >= began)
)
 STRICT

;
INSERT INTO "event" VALUES('recorder:10.0.0.3:554@1793462500','recorder','10.0.0.3:554','02',1793462500,1793469700,'["34020000001320000003"]',1);
CREATE TABLE evidence (
	"key" INTEGER NOT NULL, 
	camera INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	faults TEXT NOT NULL, 
	steps TEXT NOT NULL, 
	measures TEXT NOT NULL, 
	picture TEXT, 
	sha256 TEXT, 
	size INTEGER, 
	gone_at INTEGER, 
	gone_why TEXT, 
	CONSTRAINT pk_evidence PRIMARY KEY ("key"), 
	CONSTRAINT uq_evidence_camera_at_kind UNIQUE (camera, at, kind), 
	CONSTRAINT fk_evidence_camera_camera FOREIGN KEY(camera) REFERENCES camera ("key"), 
	CONSTRAINT ck_evidence_kind CHECK (kind IN ('good', 'fault')), 
	CONSTRAINT ck_evidence_gone CHECK (gone_at IS NULL OR picture IS NULL)
)
 STRICT

;
INSERT INTO "evidence" VALUES(1,4,1793462460,'good','ok','[]','[]','{}','34020000001320000004/1793462460-good.jpg','a87b3e348ccb598ecb71bb83300a2bf8d91b780d0717aec6c91fb46ce6fbe3d8',NULL,NULL,NULL);
INSERT INTO "evidence" VALUES(2,3,1793462580,'fault','unreachable','[]','[]','{}','34020000001320000003/1793462580-fault.jpg','c006c7e3ab14d686f63524136f1ec7c5e553d839bc01c851e4dc9de2bdbfc589',NULL,NULL,NULL);
CREATE TABLE exemption (
	"key" INTEGER NOT NULL, 
	camera INTEGER, 
	village TEXT NOT NULL, 
	township TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	began INTEGER NOT NULL, 
	ended INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	proof TEXT NOT NULL, 
	filed_at INTEGER NOT NULL, 
	entered_at INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	CONSTRAINT pk_exemption PRIMARY KEY ("key"), 
	CONSTRAINT fk_exemption_camera_camera FOREIGN KEY(camera) REFERENCES camera ("key"), 
	CONSTRAINT ck_exemption_span CHECK (ended > began), 
	CONSTRAINT ck_exemption_scope CHECK (camera IS NOT NULL OR village <> '' OR township <> '')
)
 STRICT

;
INSERT INTO "exemption" VALUES(1,2,'','','police_custody',1793721600,1793808000,'案件调查','',1793462400,1793462400,'duty');
CREATE TABLE exemption_decision (
	"key" INTEGER NOT NULL, 
	exemption INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	ruling TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_exemption_decision PRIMARY KEY ("key"), 
	CONSTRAINT fk_exemption_decision_exemption_exemption FOREIGN KEY(exemption) REFERENCES exemption ("key"), 
	CONSTRAINT ck_exemption_decision_ruling CHECK (ruling IN ('approved', 'rejected'))
)
 STRICT

;
CREATE TABLE fleet_generation (
	"key" INTEGER NOT NULL, 
	generation INTEGER NOT NULL, 
	CONSTRAINT pk_fleet_generation PRIMARY KEY ("key"), 
	CONSTRAINT ck_fleet_generation_single CHECK (key = 1)
)
 STRICT

;
INSERT INTO "fleet_generation" VALUES(1,2);
CREATE TABLE gap (
	"key" INTEGER NOT NULL, 
	began INTEGER NOT NULL, 
	ended INTEGER, 
	cause TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	township TEXT NOT NULL, 
	CONSTRAINT pk_gap PRIMARY KEY ("key"), 
	CONSTRAINT uq_gap_began_cause_reason_township UNIQUE (began, cause, reason, township), 
	CONSTRAINT ck_gap_span CHECK (ended >= began)
)
 STRICT

;
INSERT INTO "gap" VALUES(1,1793471400,1793471700,'ours','canary','');
CREATE TABLE history_line (
	"key" INTEGER NOT NULL, 
	source INTEGER NOT NULL, 
	camera INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	condition TEXT NOT NULL, 
	fault TEXT, 
	CONSTRAINT pk_history_line PRIMARY KEY ("key"), 
	CONSTRAINT fk_history_line_source_history_source FOREIGN KEY(source) REFERENCES history_source ("key"), 
	CONSTRAINT fk_history_line_camera_camera FOREIGN KEY(camera) REFERENCES camera ("key"), 
	CONSTRAINT ck_history_line_condition CHECK (condition IN ('intact', 'impaired', 'offline', 'unknown'))
)
 STRICT

;
CREATE TABLE history_source (
	"key" INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	first_at INTEGER NOT NULL, 
	last_at INTEGER NOT NULL, 
	imported_at INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	CONSTRAINT pk_history_source PRIMARY KEY ("key"), 
	CONSTRAINT ck_history_source_span CHECK (last_at >= first_at)
)
 STRICT

;
CREATE TABLE hold (
	host TEXT NOT NULL, 
	credential TEXT NOT NULL, 
	until INTEGER NOT NULL, 
	refusals INTEGER NOT NULL, 
	CONSTRAINT pk_hold PRIMARY KEY (host, credential)
)
 STRICT

;
INSERT INTO "hold" VALUES('10.0.0.9','hill',1793464200,1);
CREATE TABLE memory (
	camera INTEGER NOT NULL, 
	at REAL NOT NULL, 
	hash BLOB NOT NULL, 
	thumb BLOB NOT NULL, 
	clock_strip TEXT, 
	CONSTRAINT pk_memory PRIMARY KEY (camera), 
	CONSTRAINT fk_memory_camera_camera FOREIGN KEY(camera) REFERENCES camera ("key")
)
 STRICT

;
INSERT INTO "memory" VALUES(1,1793548800.5,X'0102',X'030405','[1,2,3,4]');
CREATE TABLE outbox (
	seq INTEGER NOT NULL, 
	epoch TEXT NOT NULL, 
	at INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	camera TEXT, 
	township TEXT, 
	body TEXT NOT NULL, 
	CONSTRAINT pk_outbox PRIMARY KEY (seq)
)
 STRICT

;
INSERT INTO "outbox" VALUES(1,'5f0c54a1-7f9d-4a8e-9f3a-2b8f3f5f3c11',1793462580,'outage_opened','34020000001320000003','01','{"camera":"34020000001320000003"}');
CREATE TABLE outbox_numbering (
	"key" INTEGER NOT NULL, 
	epoch TEXT NOT NULL, 
	last_seq INTEGER NOT NULL, 
	CONSTRAINT pk_outbox_numbering PRIMARY KEY ("key"), 
	CONSTRAINT ck_outbox_numbering_single CHECK (key = 1)
)
 STRICT

;
INSERT INTO "outbox_numbering" VALUES(1,'5f0c54a1-7f9d-4a8e-9f3a-2b8f3f5f3c11',1);
CREATE TABLE outbox_reader (
	name TEXT NOT NULL, 
	done INTEGER NOT NULL, 
	dropped INTEGER NOT NULL, 
	CONSTRAINT pk_outbox_reader PRIMARY KEY (name)
)
 STRICT

;
INSERT INTO "outbox_reader" VALUES('mqtt',0,0);
CREATE TABLE picture_reference (
	camera INTEGER NOT NULL, 
	light TEXT NOT NULL, 
	at REAL NOT NULL, 
	thumb BLOB NOT NULL, 
	approved_by TEXT NOT NULL, 
	CONSTRAINT pk_picture_reference PRIMARY KEY (camera, light), 
	CONSTRAINT fk_picture_reference_camera_camera FOREIGN KEY(camera) REFERENCES camera ("key"), 
	CONSTRAINT ck_picture_reference_light CHECK (light IN ('day', 'night'))
)
 STRICT

;
INSERT INTO "picture_reference" VALUES(1,'day',1793548800.5,X'0304','');
CREATE TABLE round (
	number INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	depth TEXT NOT NULL, 
	started INTEGER NOT NULL, 
	ended INTEGER, 
	counts TEXT NOT NULL, 
	void TEXT, 
	CONSTRAINT pk_round PRIMARY KEY (number), 
	CONSTRAINT ck_round_span CHECK (ended >= started)
)
 STRICT

;
INSERT INTO "round" VALUES(1,'manual','picture',1793462450,1793462490,'{"intact":3}',NULL);
CREATE TABLE snapshot (
	month TEXT NOT NULL, 
	state TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	content BLOB NOT NULL, 
	sha256 TEXT NOT NULL, 
	made_at INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_snapshot PRIMARY KEY (month, state, revision), 
	CONSTRAINT ck_snapshot_state CHECK (state IN ('draft', 'frozen'))
)
 STRICT

;
INSERT INTO "snapshot" VALUES('2026-11','frozen',1,X'78DAAB56CACDCF2BC950B25232323032D3353454AA05003A1E053A','0000000000000000000000000000000000000000000000000000000000000000',1796918400,'director','');
CREATE TABLE township_version (
	"key" INTEGER NOT NULL, 
	code TEXT NOT NULL, 
	valid_from INTEGER NOT NULL, 
	valid_to INTEGER, 
	fields TEXT NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_township_version PRIMARY KEY ("key"), 
	CONSTRAINT uq_township_version_code_valid_from UNIQUE (code, valid_from), 
	CONSTRAINT ck_township_version_span CHECK (valid_to > valid_from)
)
 STRICT

;
INSERT INTO "township_version" VALUES(1,'01',1793462400,NULL,'{"code":"01","name":"泌水镇","group":"","planned":3,"witness":""}','duty','import of ledger.xlsx');
INSERT INTO "township_version" VALUES(2,'02',1793462400,NULL,'{"code":"02","name":"双桥乡","group":"","planned":null,"witness":""}','duty','import of ledger.xlsx');
CREATE TABLE transition (
	"key" INTEGER NOT NULL, 
	camera INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	condition TEXT NOT NULL, 
	fault TEXT, 
	cause TEXT, 
	decided_at INTEGER NOT NULL, 
	looks TEXT NOT NULL, 
	witness_answers INTEGER, 
	evidence_at INTEGER, 
	CONSTRAINT pk_transition PRIMARY KEY ("key"), 
	CONSTRAINT fk_transition_camera_camera FOREIGN KEY(camera) REFERENCES camera ("key"), 
	CONSTRAINT fk_transition_witness_answers_witness_answers FOREIGN KEY(witness_answers) REFERENCES witness_answers ("key"), 
	CONSTRAINT ck_transition_condition CHECK (condition IN ('intact', 'impaired', 'offline', 'unknown'))
)
 STRICT

;
INSERT INTO "transition" VALUES(1,1,1793462400,'intact',NULL,NULL,1793462480,'[0,20,80]',1,NULL);
INSERT INTO "transition" VALUES(2,2,1793462400,'unknown',NULL,'ours',1793462480,'[0,20,80]',1,NULL);
INSERT INTO "transition" VALUES(3,2,1793462460,'intact',NULL,NULL,1793462540,'[0,20,80]',1,NULL);
INSERT INTO "transition" VALUES(4,3,1793462500,'offline','unreachable',NULL,1793462580,'[0,20,80]',1,1793462500);
INSERT INTO "transition" VALUES(5,3,1793469700,'intact',NULL,NULL,1793469780,'[0,20,80]',1,NULL);
CREATE TABLE witness_answers (
	"key" INTEGER NOT NULL, 
	answers TEXT NOT NULL, 
	CONSTRAINT pk_witness_answers PRIMARY KEY ("key"), 
	CONSTRAINT uq_witness_answers_answers UNIQUE (answers)
)
 STRICT

;
INSERT INTO "witness_answers" VALUES(1,'{"canary":"ok"}');
CREATE UNIQUE INDEX uq_township_version_current ON township_version (code) WHERE valid_to IS NULL;
CREATE UNIQUE INDEX uq_camera_version_current ON camera_version (camera) WHERE valid_to IS NULL;
CREATE INDEX ix_transition_camera_at ON transition (camera, at);
CREATE INDEX ix_event_began ON event (began);
CREATE INDEX ix_decision_camera_at ON decision (camera, at);
CREATE TRIGGER transition_no_update BEFORE update ON transition BEGIN SELECT RAISE(ABORT, 'transition is append-only'); END;
CREATE TRIGGER transition_no_delete BEFORE delete ON transition BEGIN SELECT RAISE(ABORT, 'transition is append-only'); END;
CREATE TRIGGER decision_no_update BEFORE update ON decision BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END;
CREATE TRIGGER decision_no_delete BEFORE delete ON decision BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END;
CREATE TRIGGER audit_no_update BEFORE update ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE delete ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE INDEX ix_history_line_camera_at ON history_line (camera, at);
CREATE INDEX ix_exemption_began ON exemption (began);
CREATE INDEX ix_exemption_decision_exemption ON exemption_decision (exemption);
CREATE TRIGGER history_source_no_update BEFORE update ON history_source BEGIN SELECT RAISE(ABORT, 'history_source is append-only'); END;
CREATE TRIGGER history_source_no_delete BEFORE delete ON history_source BEGIN SELECT RAISE(ABORT, 'history_source is append-only'); END;
CREATE TRIGGER history_line_no_update BEFORE update ON history_line BEGIN SELECT RAISE(ABORT, 'history_line is append-only'); END;
CREATE TRIGGER history_line_no_delete BEFORE delete ON history_line BEGIN SELECT RAISE(ABORT, 'history_line is append-only'); END;
CREATE TRIGGER exemption_no_update BEFORE update ON exemption BEGIN SELECT RAISE(ABORT, 'exemption is append-only'); END;
CREATE TRIGGER exemption_no_delete BEFORE delete ON exemption BEGIN SELECT RAISE(ABORT, 'exemption is append-only'); END;
CREATE TRIGGER exemption_decision_no_update BEFORE update ON exemption_decision BEGIN SELECT RAISE(ABORT, 'exemption_decision is append-only'); END;
CREATE TRIGGER exemption_decision_no_delete BEFORE delete ON exemption_decision BEGIN SELECT RAISE(ABORT, 'exemption_decision is append-only'); END;
CREATE TRIGGER snapshot_no_update BEFORE update ON snapshot BEGIN SELECT RAISE(ABORT, 'snapshot is append-only'); END;
CREATE TRIGGER snapshot_no_delete BEFORE delete ON snapshot BEGIN SELECT RAISE(ABORT, 'snapshot is append-only'); END;
CREATE UNIQUE INDEX uq_evidence_good ON evidence (camera) WHERE kind = 'good' AND gone_at IS NULL;
COMMIT;

//! The scene: what the connector shares with others, the disk and the switch. Others act on it while the connector is in
//! the middle of its work.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use fsconnector_disk::{Edit, Editing, Model, RelPath, TreePath};
use fsconnector_engine::config::Config;
use fsconnector_simulator::{ConnectionId, Identity, Output, SimSwitch};

use crate::disk::TreeFiles;
use crate::invariants::{Violation, visible};
use crate::ledger::Ledger;
use crate::sabotage::Sabotage;
use crate::view::View;

/// Something that happens right before one of the connector's operations on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Somebody edits a file.
    Edit(Edit),
    /// Somebody has the switch reload.
    Reload,
    /// The operation fails.
    Fail,
    /// The connector ends.
    Crash(Crash),
}

/// How a connector ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The program is killed.
    Kill,
    /// The computer loses its power; the number chooses what is left on the disk.
    PowerCut(u64),
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit(edit) => f.write_str(&shown(edit)),
            Self::Reload => f.write_str("somebody reloads"),
            Self::Fail => f.write_str("the operation fails"),
            Self::Crash(crash) => write!(f, "{crash:?}"),
        }
    }
}

/// What somebody does to a file.
pub(crate) fn shown(edit: &Edit) -> String {
    let Edit { path, editing, synced } = edit;
    let synced = if *synced { ", and syncs it" } else { "" };
    match editing {
        Editing::Replace(content) => format!("somebody replaces {path}{synced}: {}", String::from_utf8_lossy(content)),
        Editing::Overwrite(content) => {
            format!("somebody overwrites {path}{synced}: {}", String::from_utf8_lossy(content))
        }
        Editing::Remove => format!("somebody removes {path}{synced}"),
    }
}

/// What happens during one work on the disk: before which of its operations, counted from 0.
pub type Plan = Vec<(usize, Happening)>;

/// The scene.
pub(crate) struct Scene {
    pub(crate) config: Config,
    pub(crate) model: Model,
    pub(crate) switch: SimSwitch<TreeFiles>,
    pub(crate) ledger: Ledger,
    /// Every configuration that the switch has had; nothing while it had none.
    pub(crate) history: Vec<Option<View>>,
    /// What the switch has sent.
    pub(crate) sent: Vec<Output>,
    pub(crate) violation: Option<Violation>,
    /// What has happened, if somebody wants to know.
    pub(crate) trace: Option<Vec<String>>,
    pub(crate) sabotage: Option<Sabotage>,
    /// What is being uploaded: the file, and what it is to hold.
    pub(crate) uploading: Option<(TreePath, Vec<u8>)>,
    /// Whether somebody has put something odd into the static tree.
    pub(crate) is_odd: bool,
    /// How the connector has ended in the middle of its work.
    pub(crate) crash: Option<Crash>,
    /// Whether an operation was made to fail in this work, or can fail for want of space.
    pub(crate) failed: bool,
    is_short_of_space: bool,
    /// What the connector has last read of each file, and what a blind one takes for what it has set aside.
    pub(crate) last_read: BTreeMap<TreePath, Vec<u8>>,
    pub(crate) taken_for: BTreeMap<TreePath, Vec<u8>>,
    plan: BTreeMap<usize, Vec<Happening>>,
    operation: usize,
    loads: u64,
    now: u64,
}

impl Scene {
    pub(crate) fn new(
        config: Config,
        model: Model,
        identity: Identity,
        sabotage: Option<Sabotage>,
    ) -> Rc<RefCell<Self>> {
        let switch = SimSwitch::new(TreeFiles::new(model.clone()), identity, 0);
        let mut scene = Self {
            config,
            ledger: Ledger::new(visible(&model)),
            model,
            switch,
            history: Vec::new(),
            sent: Vec::new(),
            violation: None,
            trace: None,
            sabotage,
            uploading: None,
            is_odd: false,
            crash: None,
            failed: false,
            is_short_of_space: false,
            last_read: BTreeMap::new(),
            taken_for: BTreeMap::new(),
            plan: BTreeMap::new(),
            operation: 0,
            loads: 0,
            now: 0,
        };
        scene.note_loads();
        Rc::new(RefCell::new(scene))
    }

    /// A work on the disk begins.
    pub(crate) fn begin_work(&mut self, now: u64, plan: Plan) {
        self.now = now;
        self.operation = 0;
        self.failed = self.is_short_of_space;
        self.plan.clear();
        for (operation, happening) in plan {
            self.plan.entry(operation).or_default().push(happening);
        }
    }

    /// An operation begins.
    pub(crate) fn before_operation(&mut self) {
        let happenings = self.plan.remove(&self.operation).unwrap_or_default();
        self.operation += 1;
        for happening in happenings {
            if self.crash.is_some() {
                return;
            }
            match happening {
                Happening::Edit(edit) => self.edit(&edit),
                Happening::Reload => self.reload(self.now),
                Happening::Fail => {
                    self.failed = true;
                    self.model.fail(self.model.operations());
                }
                Happening::Crash(crash) => {
                    self.crash = Some(crash);
                    self.model.stop_after(self.model.operations());
                }
            }
        }
    }

    /// An operation that changes what these names stand for is over.
    pub(crate) fn after_change(&mut self, paths: &[TreePath]) {
        if self.crash.is_none() {
            let model = &self.model;
            let uploaded = |path: &TreePath| {
                self.uploading
                    .as_ref()
                    .is_some_and(|(own, new)| own == path && model.content(path).as_ref() == Some(new))
            };
            let visible = paths.iter().filter(|path| is_visible(path) && !uploaded(path));
            let visible: Vec<TreePath> = visible.cloned().collect();
            let misfit = self.ledger.misfit_on_the_way(&visible, |path| model.content(path));
            self.demand("visible files are whole, and what people write is not lost", misfit);
        }
    }

    /// An upload has ended, in whatever way. Whether what was uploaded is there.
    pub(crate) fn uploaded(&mut self, synced: bool) -> bool {
        let Some((path, new)) = self.uploading.take() else { return false };
        let is_there = self.model.content(&path).as_ref() == Some(&new);
        if is_there {
            let before = self.ledger.content(&path).map(<[u8]>::to_vec);
            self.ledger.edited(&Edit { path, editing: Editing::Replace(new), synced }, before.as_deref());
        }
        is_there
    }

    pub(crate) fn edit(&mut self, edit: &Edit) {
        let folder = edit.path.path.as_str().rsplit_once('/').and_then(|(folder, _)| RelPath::parse(folder));
        let folders = self.model.folders();
        let folder = folder.map(|path| TreePath { tree: edit.path.tree, path });
        let is_there = folder.as_ref().is_none_or(|folder| folders.contains(folder));
        if is_there && !folders.contains(&edit.path) {
            if let Some(folder) = folder.filter(|_| edit.synced) {
                // With all the folders that it is in.
                self.model.add_folder(&folder);
            }
            let before = self.model.content(&edit.path);
            let stands_in_the_way =
                ["linphone", "polycom"].contains(&edit.path.path.names().next().unwrap_or_default());
            self.is_odd |= stands_in_the_way && edit.path.path.names().count() == 2;
            self.ledger.edited(edit, before.as_deref());
            self.model.edit(edit);
        }
    }

    /// The disk has room for so many bytes; without a number, for any.
    pub(crate) fn limit_space(&mut self, bytes: Option<usize>) {
        self.is_short_of_space = bytes.is_some();
        self.model.limit_space(bytes);
    }

    /// Somebody writes into what the file was before the change set that is on its way.
    pub(crate) fn write_on(&mut self, path: &TreePath, content: &[u8]) {
        let hidden = format!(".fsconnector-swap-{}", path.path.file_name());
        let folder = path.path.as_str().rsplit_once('/').and_then(|(folder, _)| RelPath::parse(folder));
        let aside =
            folder.and_then(|folder| folder.join(&hidden)).map(|aside| TreePath { tree: path.tree, path: aside });
        let aside = aside.filter(|aside| self.model.content(aside).is_some());
        if let Some(aside) = aside.filter(|_| self.ledger.set_aside().contains(path)) {
            self.ledger.written_on(path, content);
            self.model.edit(&Edit { path: aside, editing: Editing::Overwrite(content.to_vec()), synced: false });
        }
    }

    /// Bytes arrive at the switch.
    pub(crate) fn receive(&mut self, now: u64, from: ConnectionId, bytes: &[u8]) {
        self.switch.receive(now, from, bytes, &mut self.sent);
        self.note_loads();
    }

    pub(crate) fn reload(&mut self, now: u64) {
        if !self.switch.faults.frozen {
            self.switch.reload(now, &mut self.sent);
            self.note_loads();
        }
    }

    /// Somebody types a command into the switch's console.
    pub(crate) fn console(&mut self, now: u64, command: &str) {
        if self.switch.faults.frozen {
            return;
        }
        let id = self.switch.connect(&mut self.sent);
        let bytes = format!("auth ClueCon\n\napi {command}\n\n");
        self.switch.receive(now, id, bytes.as_bytes(), &mut self.sent);
        self.switch.disconnected(id);
        self.note_loads();
    }

    /// The disk is another one now: the one from before, after a crash.
    pub(crate) fn replace_disk(&mut self, model: Model) {
        self.is_short_of_space = false;
        self.switch.files_mut().replace(model.clone());
        self.model = model;
        self.last_read.clear();
        self.taken_for.clear();
    }

    /// Remembers what the switch has loaded, if it has.
    pub(crate) fn note_loads(&mut self) {
        let loads = self.switch.files().loads();
        if loads == self.loads {
            return;
        }
        self.loads = loads;
        let view = self.switch.configuration().map(|document| View::of_document(document, &self.config));
        if View::of_disk(&self.model, &self.config).is_some() {
            self.ledger.loaded();
        }
        if self.history.last() != Some(&view) {
            self.history.push(view);
        }
    }

    /// Writes into the trace.
    pub(crate) fn tell(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(text());
        }
    }

    /// The first violation counts.
    pub(crate) fn demand(&mut self, invariant: &'static str, misfit: Option<String>) {
        if let (Some(what), None) = (misfit, &self.violation) {
            self.violation = Some(Violation { invariant, what });
        }
    }

    /// The hidden files and folders that are there.
    pub(crate) fn hidden(&self) -> BTreeSet<TreePath> {
        let all = self.model.files().into_keys().chain(self.model.folders());
        all.filter(|path| !is_visible(path)).collect()
    }
}

/// Whether neither the file is hidden nor a folder it is in.
pub(crate) fn is_visible(path: &TreePath) -> bool {
    !path.path.names().any(|name| name.starts_with('.'))
}

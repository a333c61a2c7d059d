# %% [code] --- Loan default, baseline NN with categorical embeddings ---
import numpy as np
import torch, torch.nn as nn
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler, LabelEncoder
from torch.utils.data import Dataset, DataLoader

class CFG:
    seed = 52
    folds = 5
    bs = 256
    lr = 1.5e-3
    epochs = 6
    wd = 1e-2

def seed_everything(s):
    np.random.seed(s); torch.manual_seed(s)

seed_everything(CFG.seed)

# %% [code] "train.csv"
n = 9000
rng = np.random.default_rng(CFG.seed)
df = {
    'job': rng.choice(['clerk', 'nurse', 'driver', 'teacher', 'cook', 'other'], n),
    'region': rng.choice(['n', 's', 'e', 'w'], n),
    'purpose': rng.choice(['car', 'house', 'debt', 'trip'], n, p=[.3, .3, .3, .1]),
    'income': rng.lognormal(10.3, .5, n),
    'amount': rng.lognormal(9.2, .7, n),
    'age': rng.integers(20, 75, n).astype(float),
    'late_payments': rng.poisson(.6, n).astype(float),
}
logit = (-1.2 + 1.1 * np.log(df['amount'] / df['income'] * 3) + .7 * df['late_payments'] - .03 * (df['age'] - 40)
         + .6 * (df['purpose'] == 'trip') + .7 * ((df['job'] == 'driver') & (df['region'] == 's')) - .5 * (df['job'] == 'nurse'))
target = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.float32)
df['account_age_days'] = rng.integers(30, 4000, n).astype(float)

# %% [code] features
cat_cols = ['job', 'region', 'purpose']
num_cols = ['income', 'amount', 'age', 'late_payments', 'account_age_days']
cats = np.stack([LabelEncoder().fit_transform(df[c]) for c in cat_cols], 1)
nums = np.stack([np.log1p(df[c]) for c in num_cols], 1)
idx = rng.permutation(n)
trn, val = idx[n // CFG.folds:], idx[:n // CFG.folds]
sc = StandardScaler().fit(nums[trn])

class LoanDataset(Dataset):
    def __init__(self, rows):
        self.c = torch.tensor(cats[rows])
        self.x = torch.tensor(sc.transform(nums[rows]), dtype=torch.float32)
        self.y = torch.tensor(target[np.sort(rows)])
    def __len__(self): return len(self.y)
    def __getitem__(self, i): return self.c[i], self.x[i], self.y[i]

class Net(nn.Module):
    def __init__(self, sizes, n_num):
        super().__init__()
        self.embs = nn.ModuleList([nn.Embedding(s, 3) for s in sizes])
        self.bn = nn.BatchNorm1d(n_num)
        self.net = nn.Sequential(nn.Linear(3 * len(sizes) + n_num, 48), nn.ReLU(), nn.Dropout(.2), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 1))
    def forward(self, c, x):
        e = torch.cat([emb(c[:, i]) for i, emb in enumerate(self.embs)], 1)
        return self.net(torch.cat([e, self.bn(x)], 1)).squeeze(1)

# %% [code] train
dl = DataLoader(LoanDataset(trn), CFG.bs, shuffle=True)
vds = LoanDataset(val)
model = Net([int(cats[:, i].max()) + 1 for i in range(3)], len(num_cols))
opt = torch.optim.AdamW(model.parameters(), lr=CFG.lr, weight_decay=CFG.wd)
sch = torch.optim.lr_scheduler.CosineAnnealingLR(opt, CFG.epochs * len(dl))
crit = nn.BCEWithLogitsLoss()
for ep in range(CFG.epochs):
    model.train(); tl = []
    for c, x, y in dl:
        opt.zero_grad()
        loss = crit(model(c, x), y)
        loss.backward(); opt.step(); sch.step()
        tl.append(loss.item())
    model.eval()
    with torch.no_grad():
        p = model(vds.c, vds.x)
    auc = roc_auc_score(vds.y, p)
    print(f'fold 0 ep {ep} trn {np.mean(tl):.4f} val {crit(p, vds.y).item():.4f} auc {auc:.4f}')
print(f'CV auc {auc:.5f}')
